#include "conformance/conformance_catch.h"
#include "fakes/executors.h"
#include "queue/deduping_consumer.h"
#include "queue/memory/memory_queue.h"

namespace millrace::conformance {
namespace {

class MemoryRig final : public Rig {
 public:
  explicit MemoryRig(std::size_t capacity) : queue_(capacity, executor_) {}
  queue::Producer& producer() override { return queue_; }
  queue::Consumer& consumer() override { return queue_; }

 private:
  fakes::ThreadExecutor executor_;
  queue::MemoryQueue queue_;
};

TEST_CASE("the memory queue keeps the promises of a queue") {
  Fixture fixture;
  fixture.name = "memory";
  fixture.make = [](std::size_t capacity) { return std::make_unique<MemoryRig>(capacity); };
  require_conformance(fixture);
}

// What the workers see of it.
class DedupingRig final : public Rig {
 public:
  explicit DedupingRig(std::size_t capacity) : queue_(capacity, executor_) {}
  queue::Producer& producer() override { return queue_; }
  queue::Consumer& consumer() override { return deduping_; }

 private:
  fakes::ThreadExecutor executor_;
  queue::MemoryQueue queue_;
  queue::DedupingConsumer deduping_{queue_, {}};
};

TEST_CASE("a queue whose repeated ids are dropped keeps the promises of a queue") {
  Fixture fixture;
  fixture.name = "deduping";
  fixture.make = [](std::size_t capacity) { return std::make_unique<DedupingRig>(capacity); };
  require_conformance(fixture);
}

}  // namespace
}  // namespace millrace::conformance
