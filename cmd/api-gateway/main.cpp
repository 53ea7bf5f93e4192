#include "app/service.h"

int main(int argc, char** argv) {
  return millrace::app::run(
      {millrace::config::Service::gateway, "api-gateway",
       "The REST edge: hands ingest requests on and joins the services' status.",
       millrace::app::make_gateway},
      argc, argv);
}
