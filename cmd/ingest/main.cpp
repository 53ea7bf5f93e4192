#include "app/service.h"

int main(int argc, char** argv) {
  return millrace::app::run({millrace::config::Service::ingest, "ingest",
                             "Checks a message, gives it an id, and publishes it to the queue.",
                             millrace::app::make_ingest},
                            argc, argv);
}
