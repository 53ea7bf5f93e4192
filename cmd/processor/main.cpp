#include "app/service.h"

int main(int argc, char** argv) {
  return millrace::app::run(
      {millrace::config::Service::processor, "processor",
       "Owns the memory queue and works its messages off.", millrace::app::make_processor},
      argc, argv);
}
