#include <algorithm>
#include <catch2/catch.hpp>

#include "worker/pool_fixture.h"

namespace millrace::worker {
namespace {

using namespace testing;
using Catch::Matchers::Contains;

// A pool of one worker that has taken a large batch and hangs at "m-<stuck>"; time stands still.
struct StuckFixture {
  static constexpr std::size_t kMessages = 400;

  explicit StuckFixture(std::size_t stuck) {
    options.clock = &clock;
    options.handler_timeout = std::chrono::milliseconds(40);
    options.rescue_after = std::chrono::milliseconds(20);
    f.emplace(
        [this, stuck](const diplom::v1::DataMessage& message, const Context&) -> Outcome {
          if (message.id() == "m-" + std::to_string(stuck)) {
            entered.open();
            if (!release.wait()) return Reject{"the test did not release it"};
          }
          return Done{};
        },
        options);
    f->consumer.push(make_messages(kMessages));
    f->start();
  }
  ~StuckFixture() { release.open(); }
  StuckFixture(const StuckFixture&) = delete;
  StuckFixture& operator=(const StuckFixture&) = delete;

  ManualClock clock;
  Gate entered;
  Gate release;
  PoolOptions options = quick_options();
  std::optional<Fixture> f;
};

TEST_CASE("Pool: the rest of a batch doesn't wait for a handler that hangs") {
  StuckFixture stuck(350);
  Fixture& f = *stuck.f;
  REQUIRE(stuck.entered.wait());
  const std::size_t acked_before = f.consumer.count(Kind::ack);
  CHECK(acked_before < 350);  // some of its batch are handled and wait
  f.consumer.hold_back();
  stuck.clock.advance(stuck.options.handler_timeout);

  // Those before it are acked by the watchdog, those behind it given back.
  REQUIRE(f.consumer.wait_for(Kind::ack, 350));
  REQUIRE(f.consumer.wait_for(Kind::nack, 1));
  CHECK(f.pool->stats().stuck == 1);
  CHECK(f.consumer.consumer_stats().in_flight == 1);
  CHECK(f.sink.taken().size() == 350);

  // When it returns at last it is a result like any other, and its worker goes on.
  stuck.release.open();
  REQUIRE(f.close_and_drain().ok());
  CHECK(f.pool->stats().in_flight == 0);
  CHECK(f.consumer.books_balance());
  auto acked = f.consumer.ids(Kind::ack);
  CHECK(std::count(acked.begin(), acked.end(), "m-350") == 1);
  CHECK(acked.size() + f.consumer.count(Kind::nack) == StuckFixture::kMessages);
  std::sort(acked.begin(), acked.end());
  CHECK(std::adjacent_find(acked.begin(), acked.end()) == acked.end());
}

TEST_CASE("Pool: what a rescue can't write is given back, not lost") {
  StuckFixture stuck(350);
  Fixture& f = *stuck.f;
  REQUIRE(stuck.entered.wait());
  const std::size_t acked_before = f.consumer.count(Kind::ack);
  const std::size_t batch = f.consumer.consumer_stats().in_flight;
  f.sink.break_it();
  f.consumer.hold_back();
  stuck.clock.advance(stuck.options.rescue_after);
  REQUIRE(f.consumer.wait_for(Kind::nack, batch - 1));
  CHECK(f.consumer.count(Kind::ack) == acked_before);
  CHECK(f.consumer.books_balance());
  f.sink.repair();
  stuck.release.open();
  REQUIRE(f.close_and_drain().ok());
  CHECK(f.consumer.consumer_stats().in_flight == 0);
}

TEST_CASE("Pool: a handler that never returns doesn't keep the pool from ending") {
  StuckFixture stuck(350);
  Fixture& f = *stuck.f;
  REQUIRE(stuck.entered.wait());
  f.consumer.hold_back();
  f.consumer.stop_accepting();
  const Status drained = f.pool->drain(within(std::chrono::milliseconds(1)));
  CHECK(drained.code() == Code::deadline);
  CHECK_THAT(drained.text(), Contains("1 of 1 workers still at work"));

  f.pool->abort();
  REQUIRE(f.pool->abandon(within(std::chrono::milliseconds(1)), Unfinished::bury).ok());
  CHECK(f.consumer.count(Kind::ack) == 350);
  CHECK(f.consumer.consumer_stats().in_flight == 0);
  CHECK(f.consumer.books_balance());
  const auto kept = f.dead_letters.kept();
  REQUIRE(kept.size() == f.consumer.count(Kind::reject));
  CHECK(kept[0].id == "m-350");
  CHECK(kept[0].reason == "not worked off before shutdown");
  CHECK(kept[0].attempts == 1);

  // The handler comes back after all: its message has its verdict already, and keeps it.
  const std::size_t verdicts = f.consumer.events().size();
  stuck.release.open();
  REQUIRE(f.pool->drain(within()).ok());
  CHECK(f.consumer.events().size() == verdicts);
  CHECK(f.sink.taken().size() == 350);
}

TEST_CASE("Pool: abandoned messages go back to a queue that outlives the process") {
  StuckFixture stuck(0);
  Fixture& f = *stuck.f;
  REQUIRE(stuck.entered.wait());
  f.consumer.hold_back();
  REQUIRE(f.pool->abandon(within(std::chrono::milliseconds(1)), Unfinished::give_back).ok());
  CHECK(f.consumer.ids(Kind::nack) == std::vector<std::string>{"m-0"});
  CHECK(f.dead_letters.kept().empty());
  CHECK(f.pool->stats().in_flight == 0);
  CHECK(f.consumer.books_balance());
}

TEST_CASE("Pool: abandoned messages go back to the queue when dead letters can't be written") {
  StuckFixture stuck(0);
  Fixture& f = *stuck.f;
  REQUIRE(stuck.entered.wait());
  f.consumer.hold_back();
  f.dead_letters.break_it();
  const Status status = f.pool->abandon(within(std::chrono::milliseconds(1)), Unfinished::bury);
  CHECK(status.code() == Code::unavailable);
  CHECK(f.consumer.ids(Kind::nack) == std::vector<std::string>{"m-0"});
  CHECK(f.consumer.consumer_stats().in_flight == 0);
  CHECK(f.pool->stats().in_flight == 0);
}

}  // namespace
}  // namespace millrace::worker
