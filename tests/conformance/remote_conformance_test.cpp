// Ingest's way into the memory queue, whole: the producer's batches over a real connection, the
// processor's route, and its queue.
#include "conformance/conformance_catch.h"
#include "edge/enqueue/enqueue_routes.h"
#include "http/server.h"
#include "queue/memory/memory_queue.h"
#include "queue/remote/remote_producer.h"

namespace millrace::conformance {
namespace {

constexpr std::chrono::seconds kRequestTimeout{5};

class RemoteRig final : public Rig {
 public:
  explicit RemoteRig(std::size_t capacity)
      : queue_(capacity, processor_reactors_),
        server_(processor_reactors_, routes(), {}, registry_) {
    if (const Status failed = server_.start(); !failed.ok()) {
      throw std::runtime_error(failed.text());
    }
    const std::string address = "127.0.0.1:" + std::to_string(server_.port());
    auto directory = std::make_shared<http::UpstreamDirectory>(
        ingest_reactors_, std::vector{http::Upstream::parse("http://" + address).value()},
        std::chrono::seconds(1));
    producer_ = std::make_unique<queue::RemoteProducer>(ingest_reactors_, std::move(directory),
                                                        registry_of_ingest_);
  }
  ~RemoteRig() override {
    producer_.reset();
    server_.abort();
  }

  queue::Producer& producer() override { return *producer_; }
  queue::Consumer& consumer() override { return queue_; }

 private:
  http::Router routes() {
    http::Router router;
    edge::add_hop_route(router, queue_, processor_reactors_, queue::kHopEnqueuePath,
                        kRequestTimeout);
    return router;
  }

  observe::Registry registry_;
  observe::Registry registry_of_ingest_;
  http::ReactorPool processor_reactors_{2};
  http::ReactorPool ingest_reactors_{1};  // one: two would deliver a thread's batches in any order
  queue::MemoryQueue queue_;
  http::Server server_;
  std::unique_ptr<queue::RemoteProducer> producer_;
};

TEST_CASE("the remote producer and the memory queue behind it keep the promises of a queue") {
  Fixture fixture;
  fixture.name = "remote";
  fixture.make = [](std::size_t capacity) { return std::make_unique<RemoteRig>(capacity); };
  require_conformance(fixture);
}

}  // namespace
}  // namespace millrace::conformance
