// The pool behind a DedupingConsumer: whatever becomes of a batch, no id may stay "in work" for
// ever, for then its next delivery would never be worked off.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <stdexcept>

#include "queue/deduping_consumer.h"
#include "worker/pool_fixture.h"

namespace millrace::worker {
namespace {

using namespace testing;

struct Deduped {
  explicit Deduped(FunctionHandler::Function function, PoolOptions options = quick_options())
      : f(std::move(function), options) {
    f.pool.emplace(options, deduping, f.handler, f.sink, f.dead_letters,
                   register_pool_metrics(registry));
  }
  ~Deduped() { f.pool.reset(); }
  Deduped(const Deduped&) = delete;
  Deduped& operator=(const Deduped&) = delete;

  // Copies one behind the other, so that they are mostly in one batch.
  void push_copies(std::size_t messages, int copies) {
    std::vector<Message> all;
    for (const Message& message : make_messages(messages)) {
      for (int copy = 0; copy < copies; ++copy) all.push_back(message);
    }
    f.consumer.push(std::move(all));
  }
  // Results of success by id.
  std::map<std::string, int> results() const {
    std::map<std::string, int> count;
    for (const auto& result : f.sink.taken()) {
      if (result.success()) ++count[result.message_id()];
    }
    return count;
  }
  // The ids that are handed out when what is left, and `number` once more, is received.
  std::set<std::string> handed_out_with(std::size_t number) {
    f.consumer.push(make_message(number));
    std::vector<queue::Delivery> out;
    const Status status = deduping.receive(out, 10'000, std::chrono::steady_clock::now(), {});
    CHECK(status.ok());
    std::set<std::string> ids;
    for (const auto& delivery : out) ids.emplace(delivery.message().id());
    return ids;
  }

  Fixture f;
  observe::Registry registry;
  queue::DedupingConsumer deduping{f.consumer, {}};
};

void expect_once_each(const std::map<std::string, int>& results, std::size_t ids) {
  CHECK(results.size() == ids);
  for (const auto& [id, count] : results) {
    INFO(id);
    CHECK(count == 1);
  }
}

TEST_CASE("Deduped pool: copies are worked off once, by many workers, with retries") {
  constexpr std::size_t kMessages = 500;
  PoolOptions options = quick_options();
  options.workers = 4;
  Deduped t(
      [](const diplom::v1::DataMessage& message, const Context& context) -> Outcome {
        if (message.id().back() == '7' && context.attempt == 1) return RetryLater{{}, "once more"};
        if (message.id().back() == '3') throw std::runtime_error("always");
        return Done{};
      },
      options);
  t.push_copies(kMessages, 3);
  t.f.start();
  REQUIRE(t.f.close_and_drain().ok());
  expect_once_each(t.results(), kMessages - kMessages / 10);
  for (const auto& letter : t.f.dead_letters.kept()) CHECK(letter.id.back() == '3');
  CHECK(t.f.consumer.consumer_stats().in_flight == 0);
  CHECK(t.f.consumer.books_balance());
}

TEST_CASE("Deduped pool: what a failing sink kept from being settled is settled with its copies") {
  Deduped t(succeed);
  t.f.sink.break_it();
  t.push_copies(20, 2);
  t.f.start();
  REQUIRE(t.f.sink.wait_for_attempts(2));
  CHECK(t.f.consumer.count(Kind::ack) == 0);
  t.f.sink.repair();
  REQUIRE(t.f.close_and_drain().ok());
  expect_once_each(t.results(), 20);
  CHECK(t.f.consumer.count(Kind::ack) == 40);
}

// One worker that hangs at m-350, in the middle of a large batch; time stands still, so that the
// sizes of its batches are the same each time.
struct Hanging {
  static constexpr std::size_t kMessages = 400;
  static constexpr std::size_t kStuck = 350;

  Hanging() {
    options.clock = &clock;
    options.handler_timeout = std::chrono::milliseconds(40);
    options.rescue_after = std::chrono::milliseconds(20);
    t.emplace(
        [this](const diplom::v1::DataMessage& message, const Context&) -> Outcome {
          if (message.id() == "m-350") {
            entered.open();
            if (!release.wait()) return Reject{"the test did not release it"};
          }
          return Done{};
        },
        options);
    t->push_copies(kMessages, 2);
    t->f.start();
    if (!entered.wait()) throw std::runtime_error("m-350 was not handled");
  }
  ~Hanging() { release.open(); }
  Hanging(const Hanging&) = delete;
  Hanging& operator=(const Hanging&) = delete;

  [[nodiscard]] std::ptrdiff_t stuck_that_were(Kind kind) const {
    const auto ids = t->f.consumer.ids(kind);
    return std::count(ids.begin(), ids.end(), "m-350");
  }

  ManualClock clock;
  Gate entered;
  Gate release;
  PoolOptions options = quick_options();
  std::optional<Deduped> t;
};

TEST_CASE("Deduped pool: what a rescue gives back is handed out again") {
  Hanging hanging;
  Deduped& t = *hanging.t;
  SECTION("what was handled is settled") {}
  SECTION("the sink fails, and all is given back") { t.f.sink.break_it(); }
  hanging.clock.advance(hanging.options.rescue_after);
  REQUIRE(t.f.consumer.wait_for(Kind::nack, 1));
  t.f.sink.repair();
  hanging.release.open();
  REQUIRE(t.f.close_and_drain().ok());
  expect_once_each(t.results(), Hanging::kMessages);
  CHECK(t.f.consumer.count(Kind::ack) == 2 * Hanging::kMessages);
  CHECK(t.f.consumer.consumer_stats().in_flight == 0);
  CHECK(t.f.consumer.books_balance());
}

TEST_CASE("Deduped pool: what is abandoned takes its copies along, and may come again") {
  Hanging hanging;
  Deduped& t = *hanging.t;
  t.f.consumer.hold_back();
  t.f.pool->abort();
  SECTION("as a dead letter") {
    REQUIRE(t.f.pool->abandon(within(std::chrono::milliseconds(1)), Unfinished::bury).ok());
    CHECK(hanging.stuck_that_were(Kind::reject) == 2);
  }
  SECTION("given back, when no dead letter can be written") {
    t.f.dead_letters.break_it();
    CHECK_FALSE(t.f.pool->abandon(within(std::chrono::milliseconds(1)), Unfinished::bury).ok());
    CHECK(hanging.stuck_that_were(Kind::nack) == 2);
  }
  hanging.release.open();
  REQUIRE(t.f.close_and_drain().ok());
  CHECK(t.f.consumer.consumer_stats().in_flight == 0);
  CHECK(t.f.consumer.books_balance());
  const auto again = t.handed_out_with(Hanging::kStuck);
  CHECK(again.contains("m-350"));
  CHECK_FALSE(again.contains("m-0"));  // it was done
}

}  // namespace
}  // namespace millrace::worker
