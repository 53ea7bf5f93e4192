#include "queue/deduping_consumer.h"

#include <catch2/catch.hpp>

#include "fakes/fake_consumer.h"
#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using fakes::FakeConsumer;
using fakes::make_message;
using Kind = FakeConsumer::Kind;

struct Deduping {
  std::vector<Delivery> receive(std::size_t max = 10) {
    std::vector<Delivery> out;
    CHECK(consumer.receive(out, max, std::chrono::steady_clock::now(), {}).ok());
    return out;
  }
  Delivery one() {
    auto out = receive();
    REQUIRE(out.size() == 1);
    return std::move(out.front());
  }

  ManualClock clock;
  FakeConsumer inner;
  DedupingConsumer consumer{inner, {.window = std::chrono::minutes(10), .max = 1000}, clock};
};

TEST_CASE("an id that was done is acked when it comes again, until the window is over") {
  Deduping t;
  t.inner.push(make_message(1));
  t.one().ack();
  t.inner.push(make_message(1));
  t.inner.push(make_message(2));
  auto next = t.one();
  CHECK(next.message().id() == "m-2");
  CHECK(next.message().wire() == make_message(2).wire());
  std::move(next).ack();
  CHECK(t.inner.ids(Kind::ack) == std::vector<std::string>{"m-1", "m-1", "m-2"});
  CHECK(t.consumer.duplicates() == 1);
  t.clock.advance(std::chrono::minutes(21));
  t.inner.push(make_message(1));
  t.one().ack();
  CHECK(t.inner.books_balance());
}

TEST_CASE("a copy of what is in work shares its fate") {
  Deduping t;
  t.inner.push(make_message(1));
  t.inner.push(make_message(1));
  Delivery first = t.one();
  t.inner.push(make_message(1));
  CHECK(t.receive().empty());
  CHECK(t.inner.count(Kind::ack) == 0);

  SECTION("acked") {
    std::move(first).ack();
    CHECK(t.inner.count(Kind::ack) == 3);
  }
  SECTION("rejected") {
    std::move(first).reject("bad");
    CHECK(t.inner.count(Kind::reject) == 3);
    t.inner.push(make_message(1));
    t.one().ack();  // it had no effect, so it may come again
  }
  SECTION("retried, and handed out once again") {
    std::move(first).retry(std::chrono::seconds(1), "later");
    CHECK(t.inner.count(Kind::retry) == 3);
    Delivery again = t.one();
    CHECK(again.attempt() == 2);
    CHECK(again.message().wire() == make_message(1).wire());
    std::move(again).ack();
    CHECK(t.inner.count(Kind::ack) == 3);
  }
  SECTION("dropped") {
    { const Delivery dropped = std::move(first); }
    CHECK(t.inner.count(Kind::nack) == 3);
    Delivery again = t.one();
    CHECK(again.attempt() == 1);
    CHECK(again.message().id() == "m-1");
    std::move(again).ack();
  }
  CHECK(t.inner.consumer_stats().in_flight == 0);
  CHECK(t.inner.books_balance());
}

TEST_CASE(
    "where copies are expected, one that comes after a rejection is dropped, a replay isn't") {
  FakeConsumer inner;
  DedupingConsumer consumer(inner, {.expects_copies = true});
  const auto receive = [&] {
    std::vector<Delivery> out;
    CHECK(consumer.receive(out, 10, std::chrono::steady_clock::now(), {}).ok());
    return out;
  };
  inner.push(make_message(1));
  auto first = receive();
  REQUIRE(first.size() == 1);
  std::move(first[0]).reject("bad");
  inner.push(make_message(1));
  CHECK(receive().empty());
  CHECK(inner.count(Kind::ack) == 1);
  Message replay = make_message(1);
  replay.set_replay(5);
  inner.push(replay);
  auto again = receive();
  REQUIRE(again.size() == 1);
  std::move(again[0]).ack();
  CHECK(inner.books_balance());
}

TEST_CASE("a replayed dead letter is another id") {
  Deduping t;
  t.inner.push(make_message(1));
  t.one().ack();
  Message replay = make_message(1);
  replay.set_replay(5);
  t.inner.push(replay);
  t.inner.push(replay);
  t.one().ack();
  CHECK(t.consumer.duplicates() == 1);
}

TEST_CASE("the latest ids are remembered, as many as allowed") {
  Deduping t;
  for (std::size_t i = 0; i < 5000; ++i) {
    t.inner.push(make_message(i));
    t.one().ack();
  }
  t.inner.push(make_message(4999));
  CHECK(t.receive().empty());
  t.inner.push(make_message(1));
  CHECK(t.receive().size() == 1);
}

}  // namespace
}  // namespace millrace::queue
