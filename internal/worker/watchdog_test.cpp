#include "worker/watchdog.h"

#include <catch2/catch.hpp>

#include "fakes/corked_sink.h"
#include "fakes/fake_consumer.h"
#include "fakes/kept_dead_letters.h"
#include "fakes/messages.h"
#include "observe/log.h"

namespace millrace::worker {
namespace {

using Catch::Matchers::Contains;
using fakes::FakeConsumer;

// Two workers' slots, turned by hand: nothing here runs by itself.
struct Bench {
  Bench() {
    options.clock = &clock;
    options.handler_timeout = std::chrono::seconds(10);
    options.rescue_after = std::chrono::seconds(1);
    for (std::size_t i = 0; i < 2; ++i) slots.push_back(std::make_unique<Slot>(i));
    observe::capture_log(&log);
  }
  ~Bench() { observe::capture_log(nullptr); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // Worker 0 has `count` messages, has handled `handled` of them and begins the next one now.
  void enter_handler(std::size_t count, std::size_t handled) {
    consumer.push(fakes::make_messages(count));
    Batch& batch = slots[0]->batch;
    REQUIRE(consumer.receive(batch.deliveries, count, fakes::within(), {}).ok());
    for (std::size_t i = 0; i < handled; ++i) {
      batch.results.add().set_message_id(std::string(batch.deliveries[i].message().id()));
      batch.verdicts.emplace_back();
    }
    slots[0]->handler_started = clock.now();
    slots[0]->ownership.lend();
  }

  std::string log;
  ManualClock clock;
  PoolOptions options;
  observe::Registry registry;
  PoolMetrics metrics = register_pool_metrics(registry);
  FakeConsumer consumer;
  fakes::CorkedSink sink;
  fakes::KeptDeadLetters dead_letters;
  Finisher finisher{sink, dead_letters, metrics, {}, clock};
  Census census;
  std::vector<std::unique_ptr<Slot>> slots;
  Watchdog watchdog{options, slots, finisher, metrics, census};
};

TEST_CASE("Watchdog leaves a handler that is in time alone") {
  Bench b;
  b.enter_handler(3, 1);
  b.clock.advance(std::chrono::milliseconds(999));
  b.watchdog.look();
  CHECK(b.consumer.events().empty());
  CHECK(b.metrics.gauges->stuck_workers == 0);
  REQUIRE(b.slots[0]->ownership.reclaim());
  CHECK(b.slots[0]->batch.deliveries.size() == 3);
}

TEST_CASE("Watchdog leaves the worker the delivery in its handler, as the first of its batch") {
  Bench b;
  b.enter_handler(5, 2);
  b.consumer.hold_back();
  b.clock.advance(std::chrono::seconds(1));
  b.watchdog.look();
  CHECK(b.consumer.ids(FakeConsumer::Kind::ack) == std::vector<std::string>{"m-0", "m-1"});
  CHECK(b.consumer.ids(FakeConsumer::Kind::nack) == std::vector<std::string>{"m-3", "m-4"});
  CHECK(b.sink.taken().size() == 2);
  CHECK(b.metrics.rescued.value() == 4);
  CHECK(b.metrics.gauges->stuck_workers == 0);
  CHECK(b.census.count() == 0);
  REQUIRE(b.slots[0]->ownership.reclaim());
  const Batch& left = b.slots[0]->batch;
  REQUIRE(left.deliveries.size() == 1);
  CHECK(left.deliveries[0].message().id() == "m-2");
  CHECK(left.verdicts.empty());
}

TEST_CASE("Watchdog counts a stuck handler while it is stuck, and reports it once") {
  Bench b;
  b.enter_handler(1, 0);
  b.clock.advance(std::chrono::seconds(10));
  b.watchdog.look();
  b.clock.advance(std::chrono::seconds(10));
  b.watchdog.look();
  CHECK(b.metrics.gauges->stuck_workers == 1);
  CHECK_THAT(b.log, Contains(R"("event":"handler stuck","message_id":"m-0","worker":0)"));
  CHECK(b.log.find("handler stuck") == b.log.rfind("handler stuck"));

  REQUIRE(b.slots[0]->ownership.reclaim());
  b.watchdog.look();
  CHECK(b.metrics.gauges->stuck_workers == 0);
}

TEST_CASE("Watchdog gives back what the sink doesn't take, without waiting") {
  Bench b;
  b.enter_handler(3, 2);
  b.consumer.hold_back();
  b.sink.break_it();
  b.clock.advance(std::chrono::seconds(1));
  b.watchdog.look();
  CHECK(b.consumer.count(FakeConsumer::Kind::ack) == 0);
  CHECK(b.consumer.ids(FakeConsumer::Kind::nack) == std::vector<std::string>{"m-0", "m-1"});
}

}  // namespace
}  // namespace millrace::worker
