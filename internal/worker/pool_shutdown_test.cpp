#include <catch2/catch.hpp>

#include "worker/pause.h"
#include "worker/pool_fixture.h"

namespace millrace::worker {
namespace {

using namespace testing;
using Catch::Matchers::Contains;

TEST_CASE("Pool: drain works off what the closed queue still holds") {
  PoolOptions options = quick_options();
  options.workers = 3;
  Fixture f(succeed, options);
  f.consumer.push(make_messages(1000));
  f.consumer.stop_accepting();
  f.start();
  REQUIRE(f.pool->drain(within()).ok());
  CHECK(f.consumer.count(Kind::ack) == 1000);
  CHECK(f.consumer.consumer_stats().waiting == 0);
}

TEST_CASE("Pool: drain that runs out of time says what is left, and can be repeated") {
  Fixture f(succeed);
  f.sink.cork();
  f.consumer.push(make_message(1));
  f.start();
  REQUIRE(f.sink.wait_for_attempts(1));
  f.consumer.stop_accepting();
  const Status status = f.pool->drain(within(std::chrono::milliseconds(1)));
  CHECK(status.code() == Code::deadline);
  CHECK_THAT(status.text(), Contains("1 of 1 workers still at work, 1 messages in flight"));
  f.sink.uncork();
  CHECK(f.pool->drain(within()).ok());
}

TEST_CASE("Pool: abort tells handlers to come to an end, and gives back what isn't begun") {
  Gate entered;
  Fixture f([&](const auto&, const Context& context) -> Outcome {
    entered.open();
    pause(context.stop, std::chrono::minutes(10));
    return RetryLater{.why = "stopped"};
  });
  f.consumer.hold_back();
  f.consumer.push(make_messages(5));
  f.start();
  REQUIRE(entered.wait());
  f.pool->abort();
  REQUIRE(f.pool->drain(within()).ok());
  CHECK(f.consumer.count(Kind::retry) == 1);
  const auto books = f.consumer.consumer_stats();
  CHECK(books.in_flight == 0);
  CHECK(books.received + books.waiting == 5);
  CHECK(f.consumer.books_balance());
}

TEST_CASE("Pool: abort ends the waiting for a sink that fails; its messages go back") {
  PoolOptions options = quick_options();
  options.write_retry = {std::chrono::minutes(10), std::chrono::minutes(10)};
  Fixture f(succeed, options);
  f.sink.break_it();
  f.consumer.hold_back();
  f.consumer.push(make_message(1));
  f.start();
  REQUIRE(f.sink.wait_for_attempts(1));
  f.pool->abort();
  REQUIRE(f.pool->drain(within()).ok());
  CHECK(f.consumer.ids(Kind::nack) == std::vector<std::string>{"m-1"});
  CHECK(f.pool->stats().processed == 0);
}

TEST_CASE("Pool: abandon says when a worker is caught in the sink") {
  Fixture f(succeed);
  f.sink.cork();
  f.consumer.hold_back();
  f.consumer.push(make_message(1));
  f.start();
  REQUIRE(f.sink.wait_for_attempts(1));
  const Status status = f.pool->abandon(within(std::chrono::milliseconds(1)), Unfinished::bury);
  CHECK(status.code() == Code::deadline);
  CHECK(f.dead_letters.kept().empty());
  f.sink.uncork();
  CHECK(f.pool->drain(within()).ok());
  CHECK(f.consumer.count(Kind::ack) == 1);
}

TEST_CASE("Pool: idle workers end on abort, and a pool that isn't started on destruction") {
  Fixture idle(succeed);
  idle.start();
  CHECK(idle.start_ok);
  idle.pool->abort();
  CHECK(idle.pool->drain(within()).ok());
  CHECK(idle.pool->abandon(within(), Unfinished::bury).ok());
  Fixture never_started(succeed);
  CHECK(never_started.pool->drain(within()).ok());
}

}  // namespace
}  // namespace millrace::worker
