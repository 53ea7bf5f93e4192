#include "worker/pool.h"

#include <catch2/catch.hpp>
#include <set>
#include <stdexcept>

#include "base/uuid.h"
#include "worker/pool_fixture.h"

namespace millrace::worker {
namespace {

using namespace testing;
using Catch::Matchers::Contains;

TEST_CASE("Pool: what the handler made reaches the sink, then the message is acked") {
  Fixture f(succeed);
  f.consumer.push(make_message(7, "hello"));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::ack, 1));
  REQUIRE(f.close_and_drain().ok());
  const auto results = f.sink.taken();
  REQUIRE(results.size() == 1);
  CHECK(results[0].message_id() == "m-7");
  CHECK(results[0].success());
  CHECK(results[0].result() == "hello");
  CHECK(results[0].error().empty());
  CHECK(results[0].processed_at() > 1'700'000'000);
}

TEST_CASE("Pool: nothing is acked before the sink has the result") {
  Fixture f(succeed);
  f.sink.cork();
  f.consumer.push(make_messages(10));
  f.start();
  REQUIRE(f.sink.wait_for_attempts(1));
  CHECK(f.consumer.events().empty());
  f.sink.uncork();
  REQUIRE(f.consumer.wait_for(Kind::ack, 10));
  CHECK(f.close_and_drain().ok());
}

TEST_CASE("Pool: while the sink fails nothing is settled; it is tried until it works") {
  Fixture f(succeed);
  f.sink.break_it();
  f.consumer.push(make_messages(3));
  f.start();
  REQUIRE(f.sink.wait_for_attempts(4));
  CHECK(f.consumer.events().empty());
  f.sink.repair();
  REQUIRE(f.consumer.wait_for(Kind::ack, 3));
  REQUIRE(f.close_and_drain().ok());
  CHECK(f.sink.taken().size() == 3);
  CHECK_THAT(f.registry.expose(), Contains("millrace_sink_write_failures_total"));
}

TEST_CASE("Pool: an exception is a retry with its text, and the worker lives on") {
  Fixture f([](const diplom::v1::DataMessage& message, const Context& context) -> Outcome {
    if (context.attempt == 1 && message.id() == "m-0") throw std::runtime_error("no luck");
    if (context.attempt == 1 && message.id() == "m-1") throw 7;
    return Done{};
  });
  f.consumer.push(make_messages(3));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::ack, 3));
  REQUIRE(f.close_and_drain().ok());
  std::set<std::string> why;
  for (const auto& event : f.consumer.events()) {
    if (event.kind == Kind::retry) why.insert(event.why);
  }
  CHECK(why == std::set<std::string>{"the handler threw: no luck",
                                     "the handler threw what is no std::exception"});
  CHECK(f.pool->stats().retries == 2);
  CHECK(f.pool->stats().processed == 3);
  CHECK(f.pool->stats().errors == 0);
  CHECK(f.dead_letters.kept().empty());
}

TEST_CASE("Pool: at the last attempt a retry becomes a dead letter") {
  Fixture f([](const auto&, const Context&) { return RetryLater{.why = "not now"}; });
  f.consumer.push(make_message(1));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::reject, 1));
  REQUIRE(f.close_and_drain().ok());
  CHECK(f.consumer.count(Kind::retry) == 2);
  const auto kept = f.dead_letters.kept();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].id == "m-1");
  CHECK(kept[0].attempts == 3);
  CHECK(kept[0].reason == "gave up after 3 attempts: not now");
  const auto results = f.sink.taken();
  REQUIRE(results.size() == 1);
  CHECK_FALSE(results[0].success());
  CHECK(results[0].error() == "gave up after 3 attempts: not now");
  CHECK(f.pool->stats().errors == 1);
  CHECK(f.pool->stats().dead_letters == 1);
  CHECK(f.pool->stats().processed == 0);
}

TEST_CASE("Pool: a reject is a dead letter at the first attempt") {
  Fixture f([](const auto&, const Context&) { return Reject{"bad \xff text"}; });
  f.consumer.push(make_message(1));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::reject, 1));
  REQUIRE(f.close_and_drain().ok());
  REQUIRE(f.dead_letters.kept().size() == 1);
  CHECK(f.dead_letters.kept()[0].reason == "bad ? text");
  CHECK(f.dead_letters.kept()[0].attempts == 1);
}

TEST_CASE("Pool: bytes that can't be decoded are a dead letter, the rest of the batch is fine") {
  const MessageFields fields{.id = "bad",
                             .timestamp = 1,
                             .source = "s",
                             .payload = "p",
                             .metadata = {{"key", "\xff"}}};  // what validate() would refuse
  Fixture f(succeed);
  f.consumer.push(make_message(1));
  f.consumer.push(Message::encode(fields));
  f.consumer.push(make_message(2));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::reject, 1));
  REQUIRE(f.consumer.wait_for(Kind::ack, 2));
  REQUIRE(f.close_and_drain().ok());
  REQUIRE(f.dead_letters.kept().size() == 1);
  CHECK(f.dead_letters.kept()[0].id == "bad");
  CHECK(f.dead_letters.kept()[0].reason == "not a diplom.v1.DataMessage");
}

TEST_CASE("Pool: while the dead letters fail nothing is settled") {
  Fixture f([](const auto&, const Context&) { return Reject{"bad"}; });
  f.dead_letters.break_it();
  f.consumer.push(make_message(1));
  f.start();
  REQUIRE(f.dead_letters.wait_for_attempts(3));
  CHECK(f.consumer.events().empty());
  CHECK(f.pool->health().code() == Code::unavailable);
  f.dead_letters.repair();
  REQUIRE(f.consumer.wait_for(Kind::reject, 1));
  CHECK(f.pool->health().ok());
  REQUIRE(f.close_and_drain().ok());
  CHECK(f.dead_letters.kept().size() == 1);
  CHECK(f.sink.taken().size() == 1);
}

TEST_CASE("Pool: a dead letter isn't written before the sink has the result") {
  Fixture f([](const auto&, const Context&) { return Reject{"bad"}; });
  f.sink.break_it();
  f.consumer.push(make_message(1));
  f.start();
  REQUIRE(f.sink.wait_for_attempts(3));
  // Regression: it was, and again, with another reason, when the sink hadn't come back.
  CHECK(f.dead_letters.kept().empty());
  CHECK(f.pool->health().code() == Code::unavailable);
  f.sink.repair();
  REQUIRE(f.consumer.wait_for(Kind::reject, 1));
  REQUIRE(f.close_and_drain().ok());
  CHECK(f.dead_letters.kept().size() == 1);
}

TEST_CASE("Pool: a retry's delay is the handler's, or the backoff's with jitter") {
  Fixture f([](const diplom::v1::DataMessage& message, const Context& context) -> Outcome {
    if (context.attempt > 1) return Done{};
    if (message.id() == "m-0") return RetryLater{std::chrono::seconds(3), "asked"};
    if (message.id() == "m-1") return RetryLater{std::chrono::hours(24), "asked too much"};
    return RetryLater{.why = "own"};
  });
  f.consumer.push(make_messages(3));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::ack, 3));
  REQUIRE(f.close_and_drain().ok());
  for (const auto& event : f.consumer.events()) {
    if (event.kind != Kind::retry) continue;
    if (event.why == "asked") CHECK(event.delay == std::chrono::seconds(3));
    if (event.why == "asked too much") CHECK(event.delay == kRetryAfterMax);
    if (event.why == "own") CHECK(event.delay <= std::chrono::milliseconds(100));
  }
}

TEST_CASE("Pool: cheap messages come in large batches, slow ones one by one") {
  constexpr std::size_t kMessages = 500;
  ManualClock clock;
  PoolOptions options = quick_options();
  options.clock = &clock;
  SECTION("cheap") {
    Fixture f(succeed, options);
    f.consumer.push(make_messages(kMessages));
    f.start();
    REQUIRE(f.consumer.wait_for(Kind::ack, kMessages));
    REQUIRE(f.close_and_drain().ok());
    CHECK(f.consumer.largest_batch() == options.batch_max);
  }
  SECTION("slow") {
    options.rescue_after = options.handler_timeout;  // the clock jumps, no handler hangs
    Fixture f(
        [&](const auto&, const Context&) {
          clock.advance(std::chrono::milliseconds(2));
          return Done{};
        },
        options);
    f.consumer.push(make_messages(kMessages));
    f.start();
    REQUIRE(f.consumer.wait_for(Kind::ack, kMessages));
    REQUIRE(f.close_and_drain().ok());
    CHECK(f.consumer.largest_batch() == 1);
  }
}

TEST_CASE("Pool: what is done is settled when the batch has taken its time") {
  constexpr std::size_t kCheap = 400;
  ManualClock clock;
  PoolOptions options = quick_options();
  options.clock = &clock;
  options.rescue_after = options.handler_timeout;
  FakeConsumer* consumer = nullptr;
  std::size_t most_waiting = 0;  // handled, and held up by those handled after them
  Fixture f(
      [&](const diplom::v1::DataMessage& message, const Context&) {
        // Cheap until the batches are large, then each takes a third of a batch's time.
        const std::size_t number = std::stoul(message.id().substr(2));
        if (number >= kCheap) clock.advance(options.batch_time / 3);
        if (number >= kCheap + 4) {
          most_waiting = std::max(most_waiting, number - consumer->count(Kind::ack));
        }
        return Done{};
      },
      options);
  consumer = &f.consumer;
  f.consumer.push(make_messages(500));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::ack, 500));
  REQUIRE(f.close_and_drain().ok());
  CHECK(f.consumer.largest_batch() == options.batch_max);
  CHECK(most_waiting <= 4);
}

TEST_CASE("Pool: a queue that can't be reached is asked again") {
  Fixture f(succeed);
  f.consumer.fail_next({Code::unavailable, "gone for a while"});
  f.consumer.push(make_message(1));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::ack, 1));
  CHECK(f.close_and_drain().ok());
}

TEST_CASE("Pool: with many workers and all outcomes the books balance") {
  constexpr std::size_t kMessages = 3000;
  PoolOptions options = quick_options();
  options.workers = 4;
  Fixture f(
      [](const diplom::v1::DataMessage& message, const Context& context) -> Outcome {
        const std::size_t number = std::stoul(message.id().substr(2));
        if (number % 10 == 3) return Reject{"every tenth"};
        if (number % 10 == 5 && context.attempt < 2) throw std::runtime_error("once");
        if (number % 10 == 7) return RetryLater{.why = "never"};
        return Done{};
      },
      options);
  f.start();
  f.consumer.push(make_messages(kMessages));
  REQUIRE(f.close_and_drain().ok());
  CHECK(f.consumer.books_balance());
  CHECK(f.consumer.consumer_stats().in_flight == 0);
  CHECK(f.consumer.consumer_stats().nacked == 0);
  const auto stats = f.pool->stats();
  CHECK(stats.workers == 4);
  CHECK(stats.processed == kMessages * 8 / 10);
  CHECK(stats.errors == kMessages * 2 / 10);
  CHECK(stats.dead_letters == stats.errors);
  CHECK(stats.retries == kMessages / 10 + 2 * kMessages / 10);
  CHECK(stats.in_flight == 0);
  CHECK(stats.busy == 0);
  std::set<std::string> ids;
  for (const auto& result : f.sink.taken()) ids.insert(result.message_id());
  CHECK(ids.size() == kMessages);
  CHECK(f.sink.taken().size() == kMessages);
}

TEST_CASE("Pool: its metrics are exposed with the time from acceptance to the sink") {
  const MessageFields fields{
      .id = Uuid::v7().text(), .timestamp = 1, .source = "s", .payload = "p", .metadata = {}};
  Fixture f(succeed);
  f.consumer.push(Message::encode(fields));
  f.start();
  REQUIRE(f.consumer.wait_for(Kind::ack, 1));
  REQUIRE(f.close_and_drain().ok());
  const std::string text = f.registry.expose();
  CHECK_THAT(text, Contains("millrace_pool_processed_total 1"));
  CHECK_THAT(text, Contains("millrace_end_to_end_seconds_count 1"));
  CHECK_THAT(text, Contains("millrace_end_to_end_seconds_bucket{le=\"+Inf\"} 1"));
  CHECK_THAT(text, Contains("millrace_handler_seconds_count 1"));
  CHECK_THAT(text, Contains("millrace_pool_batch_size_count 1"));
  CHECK_THAT(text, Contains("millrace_pool_in_flight 0"));
  CHECK_THAT(text, Contains("millrace_pool_stuck_workers 0"));
}

}  // namespace
}  // namespace millrace::worker
