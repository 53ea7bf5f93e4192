// What only the memory queue promises; what every queue promises is in tests/conformance.
#include "queue/memory/memory_queue.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "fakes/executors.h"
#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using namespace std::chrono_literals;
using fakes::make_message;
using fakes::make_messages;

// A queue whose time stands still; nothing in it ever waits.
struct Bench {
  explicit Bench(std::size_t capacity, std::uint64_t bytes_max = MemoryQueue::kBytesMaxDefault)
      : queue(capacity, executor, clock, bytes_max) {}

  std::vector<Status> publish(std::vector<Message> batch) {
    std::vector<Status> out;
    queue.publish(std::move(batch), Time::max(),
                  [&](std::vector<Status> verdicts) { out = std::move(verdicts); });
    CHECK(out.empty());
    CHECK(executor.run_all() == 1);
    return out;
  }

  std::vector<Delivery> receive(std::size_t max = 100) {
    std::vector<Delivery> out;
    CHECK(queue.receive(out, max, clock.now(), {}).ok());
    return out;
  }

  Code receive_code() {
    std::vector<Delivery> out;
    return queue.receive(out, 1, clock.now(), {}).code();
  }

  ManualClock clock;
  fakes::ManualExecutor executor;
  MemoryQueue queue;
};

std::vector<Code> codes(const std::vector<Status>& verdicts) {
  std::vector<Code> out;
  for (const Status& verdict : verdicts) out.push_back(verdict.code());
  return out;
}

using Codes = std::vector<Code>;

TEST_CASE("the capacity is exact, whatever its number") {
  for (const std::size_t capacity : {1U, 2U, 3U, 7U, 1000U}) {
    Bench bench(capacity);
    const auto verdicts = bench.publish(make_messages(capacity + 1));
    CHECK(std::count(verdicts.begin(), verdicts.end(), Status()) ==
          static_cast<std::ptrdiff_t>(capacity));
    CHECK(verdicts.back().code() == Code::full);
    CHECK(verdicts.back().text().find(std::to_string(capacity) + " messages") != std::string::npos);
    CHECK(bench.queue.size() == capacity);
    CHECK(bench.queue.capacity() == capacity);
    CHECK(bench.queue.health().code() == Code::full);
  }
}

TEST_CASE("what is in flight or delayed takes room until it is settled") {
  Bench bench(2);
  REQUIRE(codes(bench.publish(make_messages(2))) == Codes{Code::ok, Code::ok});
  auto held = bench.receive();
  REQUIRE(held.size() == 2);
  CHECK(bench.queue.size() == 0);
  CHECK(codes(bench.publish(make_messages(1))) == Codes{Code::full});
  std::move(held[0]).retry(1h, "later");
  CHECK(bench.queue.size() == 1);
  CHECK(codes(bench.publish(make_messages(1))) == Codes{Code::full});
  std::move(held[1]).ack();
  CHECK(bench.queue.health().ok());
  CHECK(codes(bench.publish(make_messages(1))) == Codes{Code::ok});
}

TEST_CASE("bytes are given back even when the worker took the message out") {
  const std::uint64_t one = make_message(0).size();
  Bench bench(10, one);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(codes(bench.publish(make_messages(2))) == Codes{Code::ok, Code::full});
    auto held = bench.receive();
    REQUIRE(held.size() == 1);
    const Message taken = held[0].take_message();
    std::move(held[0]).reject("dead");
  }
}

TEST_CASE("a message larger than the whole queue is too large, not full") {
  const std::uint64_t small = make_message(0).size();
  Bench bench(10, 2 * small);
  std::vector<Message> batch;
  batch.push_back(make_message(1));
  batch.push_back(make_message(2, std::string(1000, 'x')));
  batch.push_back(make_message(3));
  const auto verdicts = bench.publish(std::move(batch));
  CHECK(codes(verdicts) == Codes{Code::ok, Code::too_large, Code::full});
}

TEST_CASE("a retry is due when its delay has passed") {
  Bench bench(4);
  bench.publish(make_messages(2));
  auto held = bench.receive();
  std::move(held[0]).retry(10ms, "busy");
  std::move(held[1]).retry(5ms, "busy");
  bench.clock.advance(5ms - 1ns);
  CHECK(bench.receive().empty());
  bench.clock.advance(1ns);
  auto first = bench.receive();
  REQUIRE(first.size() == 1);
  CHECK(first[0].message().id() == "m-1");
  CHECK(first[0].attempt() == 2);
  bench.clock.advance(5ms);
  auto second = bench.receive();
  REQUIRE(second.size() == 1);
  CHECK(second[0].message().id() == "m-0");
  std::move(first[0]).ack();
  std::move(second[0]).ack();
}

TEST_CASE("what came back goes before what is new") {
  Bench bench(4);
  bench.publish(make_messages(1));
  bench.receive().clear();  // dropped: nacked
  bench.publish(make_messages(1, 1));
  auto again = bench.receive();
  REQUIRE(again.size() == 2);
  CHECK(again[0].message().id() == "m-0");
  CHECK(again[0].attempt() == 1);
  CHECK(again[1].message().id() == "m-1");
}

TEST_CASE("an endless delay doesn't overflow, and a drain ends it") {
  Bench bench(4);
  bench.publish(make_messages(1));
  std::move(bench.receive()[0]).retry(Duration::max(), "never");
  bench.clock.advance(24h * 365);
  CHECK(bench.receive().empty());
  bench.queue.stop_accepting();
  auto again = bench.receive();
  REQUIRE(again.size() == 1);
  std::move(again[0]).retry(1h, "draining: due at once");
  again = bench.receive();
  REQUIRE(again.size() == 1);
  CHECK(again[0].attempt() == 3);
  CHECK(bench.receive_code() == Code::ok);
  std::move(again[0]).ack();
  CHECK(bench.receive_code() == Code::closed);
}

TEST_CASE("take_waiting empties the queue and lets it close") {
  Bench bench(8);
  bench.publish(make_messages(4));
  auto held = bench.receive(2);
  std::move(held[0]).retry(1h, "later");
  bench.queue.stop_accepting();
  CHECK(bench.queue.drain(bench.clock.now()).code() == Code::deadline);

  const auto waiting = bench.queue.take_waiting();
  std::set<std::string> ids;
  for (const QueuedMessage& queued : waiting) ids.emplace(queued.message.id());
  CHECK(ids == std::set<std::string>{"m-0", "m-2", "m-3"});
  CHECK(waiting[0].attempt == 2);
  CHECK(waiting[1].attempt == 1);
  CHECK(bench.queue.size() == 0);

  CHECK(bench.queue.drain(bench.clock.now()).code() == Code::deadline);
  held.clear();  // the one in flight comes back: for another call
  CHECK(bench.queue.take_waiting().size() == 1);
  CHECK(bench.queue.drain(bench.clock.now()).ok());
  CHECK(bench.receive_code() == Code::closed);
}

TEST_CASE("the books of both ends balance at every step") {
  Bench bench(8);
  const auto balanced = [&] {
    const ConsumerStats c = bench.queue.consumer_stats();
    const ProducerStats p = bench.queue.producer_stats();
    CHECK(c.received == c.acked + c.retried + c.rejected + c.nacked + c.in_flight);
    CHECK(p.published == p.stored + p.refused + p.unknown + p.in_flight);
    return c;
  };
  bench.publish(make_messages(10));
  CHECK(balanced().waiting == 8);
  auto held = bench.receive(5);
  REQUIRE(held.size() == 5);
  CHECK(balanced().in_flight == 5);
  std::move(held[0]).ack();
  std::move(held[1]).retry(1h, "later");
  std::move(held[2]).reject("bad");
  held.pop_back();
  const ConsumerStats stats = balanced();
  CHECK(stats.received == 5);
  CHECK(stats.acked == 1);
  CHECK(stats.retried == 1);
  CHECK(stats.rejected == 1);
  CHECK(stats.nacked == 1);
  CHECK(stats.in_flight == 1);
  CHECK(stats.waiting == 5);
  CHECK(bench.queue.producer_stats().stored == 8);
  CHECK(bench.queue.producer_stats().refused == 2);
}

TEST_CASE("abort ends receiving and draining at once") {
  Bench bench(4);
  bench.publish(make_messages(1));
  bench.queue.abort();
  CHECK(bench.receive_code() == Code::closed);
  CHECK(bench.queue.drain(Time::max()).code() == Code::deadline);
  CHECK(codes(bench.publish(make_messages(1, 1))) == Codes{Code::closed});
  CHECK(bench.queue.take_waiting().size() == 1);
}

TEST_CASE("abort ends a receive and a drain, parked or about to be") {
  for (int i = 0; i < 200; ++i) {
    fakes::ManualExecutor executor;
    MemoryQueue queue(4, executor);
    queue.publish(make_messages(1), Time::max(), [](const std::vector<Status>&) {});
    std::vector<Delivery> held;
    REQUIRE(queue.receive(held, 1, Time::max(), {}).ok());
    std::atomic<int> entered{0};
    Status received;
    Status drained;
    {
      const std::jthread receiver([&] {
        std::vector<Delivery> out;
        ++entered;
        received = queue.receive(out, 1, Time::max(), {});
      });
      const std::jthread drainer([&] {
        queue.stop_accepting();
        ++entered;
        drained = queue.drain(Time::max());
      });
      while (entered < 2) std::this_thread::yield();
      for (int spin = 0; spin < i / 4; ++spin) std::this_thread::yield();
      queue.abort();
    }
    REQUIRE(received.code() == Code::closed);
    REQUIRE(drained.code() == Code::deadline);
  }
}

TEST_CASE("receivers that park and wake work everything off and all see the end") {
  fakes::ThreadExecutor executor;
  MemoryQueue queue(16, executor);
  std::atomic<std::size_t> acked{0};
  std::size_t stored = 0;
  {
    std::vector<std::jthread> receivers;
    for (int i = 0; i < 4; ++i) {
      receivers.emplace_back([&] {
        std::vector<Delivery> held;
        while (queue.receive(held, 3, Time::max(), {}).ok()) {
          for (Delivery& delivery : held) std::move(delivery).ack();
          acked += held.size();
          held.clear();
        }
      });
    }
    for (std::size_t i = 0; i < 2'000; ++i) {
      queue.publish(make_messages(1 + i % 5), Time::max(), [](const std::vector<Status>&) {});
    }
    stored = queue.producer_stats().stored;
    queue.stop_accepting();
    CHECK(queue.drain(Time::max()).ok());
  }
  CHECK(acked == stored);
  CHECK(queue.consumer_stats().in_flight == 0);
}

TEST_CASE("what one receiver leaves behind wakes the next") {
  fakes::ThreadExecutor executor;
  MemoryQueue queue(8, executor);
  std::stop_source stop;
  std::array<std::size_t, 4> shares{};
  {
    std::vector<std::jthread> receivers;
    for (std::size_t& share : shares) {
      receivers.emplace_back([&] {
        std::vector<Delivery> held;
        while (held.size() < 2 && !stop.stop_requested()) {
          (void)queue.receive(held, 2 - held.size(), Time::max(), stop.get_token());
        }
        share = held.size();
        for (Delivery& delivery : held) std::move(delivery).ack();
      });
    }
    while (queue.parked() < shares.size()) std::this_thread::yield();
    queue.publish(make_messages(8), Time::max(), [](const std::vector<Status>&) {});
    const Time deadline = system_clock().now() + 5s;
    while (queue.size() > 0 && system_clock().now() < deadline) std::this_thread::yield();
    CHECK(queue.size() == 0);
    stop.request_stop();
  }
  CHECK(shares == std::array<std::size_t, 4>{2, 2, 2, 2});
}

}  // namespace
}  // namespace millrace::queue
