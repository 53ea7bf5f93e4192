#include "app/service.h"

int main(int argc, char** argv) {
  return millrace::app::run(
      {millrace::config::Service::grpc, "grpc-server",
       "Takes messages over gRPC, gives them ids, publishes them to the queue.",
       millrace::app::make_grpc_server},
      argc, argv);
}
