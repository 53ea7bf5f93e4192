// How the server ends. What it answers: tests/e2e/test_grpc*.py.
#include "edge/grpc/grpc_server.h"

#include <catch2/catch.hpp>

#include "fakes/executors.h"
#include "http/test_io.h"

namespace millrace::edge {
namespace {

using namespace http::testing;
using std::chrono::milliseconds;

// Nothing comes to it.
class NoProducer final : public queue::CancellableProducer {
 public:
  void publish(std::vector<Message> /*batch*/, Time /*deadline*/,
               queue::PublishDone /*done*/) override {}
  void publish_unless(queue::IsCancelled /*is_cancelled*/, std::vector<Message> /*batch*/,
                      Time /*deadline*/, queue::PublishDone /*done*/) override {}
  [[nodiscard]] Status health() const override { return {}; }
  [[nodiscard]] queue::ProducerStats producer_stats() const override { return {}; }
};

struct TestGrpcServer {
  explicit TestGrpcServer(const GrpcServerOptions& options)
      : server(
            core, producer, executor, options, [] { return true; }, registry) {
    REQUIRE(server.start().ok());
  }
  ~TestGrpcServer() { server.abort(); }

  observe::Registry registry;
  NoProducer producer;
  fakes::ThreadExecutor executor;
  IngestCore core{producer, registry};
  GrpcServer server;
};

TEST_CASE("regression: the grace could be over before it began for who had just connected") {
  GrpcServerOptions options;
  options.drain_grace = milliseconds(200);
  for (int i = 0; i < 5; ++i) {
    TestGrpcServer test(options);
    const auto client = RawConnection::connect(test.server.port());
    const Time began = std::chrono::steady_clock::now();
    test.server.stop_accepting();
    test.server.end_grace();
    CHECK(std::chrono::steady_clock::now() - began >= options.drain_grace);
  }
}

TEST_CASE("without anybody connected a grace is over at once") {
  GrpcServerOptions options;
  options.drain_grace = std::chrono::hours(1);
  TestGrpcServer test(options);
  test.server.stop_accepting();
  test.server.end_grace();
  CHECK(test.server.drain(within()).ok());
}

}  // namespace
}  // namespace millrace::edge
