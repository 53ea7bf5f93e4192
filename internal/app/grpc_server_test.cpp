#include <catch2/catch.hpp>

#include "app/service.h"
#include "http/test_io.h"

namespace millrace::app {
namespace {

using http::testing::RawConnection;
using http::testing::RefusingPort;

// Its probes would look at parts that are being destroyed.
TEST_CASE("a server that can't have its port has closed that of the probes") {
  config::Settings settings;
  settings.bind_address = "127.0.0.1";
  settings.processor_urls = {"http://127.0.0.1:1"};
  settings.io_threads = 1;
  settings.grpc_metrics_port = RefusingPort().port();
  settings.grpc_port = settings.grpc_metrics_port;  // taken by then
  const auto server = make_grpc_server(settings);
  CHECK(server->start().code() == Code::unavailable);
  CHECK_THROWS(RawConnection::connect(settings.grpc_metrics_port));
}

}  // namespace
}  // namespace millrace::app
