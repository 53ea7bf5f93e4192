#include "queue/composite/composite_consumer.h"

#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "fakes/executors.h"
#include "fakes/messages.h"
#include "queue/memory/memory_queue.h"

namespace millrace::queue {
namespace {

using fakes::make_messages;
using std::chrono::seconds;

Time in(Duration time) { return std::chrono::steady_clock::now() + time; }

struct Two {
  Two() { REQUIRE(consumer.start().ok()); }

  static void publish(MemoryQueue& queue, std::vector<Message> batch) {
    queue.publish(std::move(batch), Time::max(), [](const std::vector<Status>&) {});
  }
  std::vector<Delivery> receive(std::size_t count) {
    std::vector<Delivery> out;
    const Time deadline = in(seconds(10));
    while (out.size() < count && std::chrono::steady_clock::now() < deadline) {
      CHECK(consumer.receive(out, count - out.size(), deadline, {}).ok());
    }
    return out;
  }

  fakes::ThreadExecutor executor;
  std::shared_ptr<MemoryQueue> a = std::make_shared<MemoryQueue>(10'000, executor);
  std::shared_ptr<MemoryQueue> b = std::make_shared<MemoryQueue>(10'000, executor);
  CompositeConsumer consumer{{{"a", a}, {"b", b}}};
};

TEST_CASE("messages of all providers come, and are settled where they come from") {
  Two t;
  Two::publish(*t.a, make_messages(3));
  Two::publish(*t.b, make_messages(2, 100));
  auto held = t.receive(5);
  REQUIRE(held.size() == 5);
  for (auto& delivery : held) std::move(delivery).ack();
  CHECK(t.a->consumer_stats().acked == 3);
  CHECK(t.b->consumer_stats().acked == 2);
  CHECK(t.consumer.consumer_stats().acked == 5);
  CHECK(t.consumer.consumer_stats().in_flight == 0);
}

TEST_CASE("a busy provider doesn't hold up the other") {
  Two t;
  Two::publish(*t.a, make_messages(5000));
  Two::publish(*t.b, make_messages(1, 9999));
  // Once its thread has fetched it, no longer how threads are scheduled decides.
  const Time deadline = in(seconds(10));
  while (t.b->consumer_stats().in_flight == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  std::size_t before = 0;
  for (bool found = false; !found && before < 5001;) {
    for (auto& delivery : t.receive(1)) {
      found = delivery.message().id() == "m-9999";
      ++before;
      std::move(delivery).ack();
    }
  }
  CHECK(before < 1000);
  for (auto& delivery : t.receive(5001 - before)) std::move(delivery).ack();
}

TEST_CASE("what isn't handed out counts as waiting, and nothing is lost at the end") {
  Two t;
  Two::publish(*t.a, make_messages(1000));
  auto held = t.receive(1);
  const auto stats = t.consumer.consumer_stats();
  CHECK(stats.received == stats.in_flight);
  CHECK(stats.in_flight + stats.waiting == 1000);
  t.consumer.stop_accepting();
  std::move(held[0]).retry(Duration::zero(), "again");
  held.clear();
  std::set<std::string> ids;
  Status status;
  while (status.ok()) {
    std::vector<Delivery> out;
    status = t.consumer.receive(out, 64, in(seconds(10)), {});
    for (auto& delivery : out) {
      ids.emplace(delivery.message().id());
      std::move(delivery).ack();
    }
  }
  CHECK(status.code() == Code::closed);
  CHECK(ids.size() == 1000);
  CHECK(t.consumer.drain(in(seconds(5))).ok());
}

TEST_CASE("a drain gives back what nobody received") {
  Two t;
  Two::publish(*t.a, make_messages(10));
  auto held = t.receive(1);
  t.consumer.stop_accepting();
  for (auto& delivery : held) std::move(delivery).ack();
  CHECK(t.consumer.drain(in(std::chrono::milliseconds(50))).code() == Code::deadline);
  auto rest = t.receive(9);  // a queue in memory has no other place for it
  CHECK(rest.size() == 9);
  for (auto& delivery : rest) std::move(delivery).ack();
  CHECK(t.consumer.drain(in(seconds(5))).ok());
}

TEST_CASE("a stop and a deadline wake who waits") {
  Two t;
  std::vector<Delivery> out;
  CHECK(t.consumer.receive(out, 1, in(std::chrono::milliseconds(10)), {}).ok());
  std::stop_source stop;
  std::jthread waiting(
      [&] { CHECK(t.consumer.receive(out, 1, Time::max(), stop.get_token()).ok()); });
  stop.request_stop();
  waiting.join();
  CHECK(out.empty());
}

TEST_CASE("after an abort nothing is handed out, and what was buffered goes back") {
  Two t;
  Two::publish(*t.a, make_messages(100));
  t.receive(1).clear();
  t.consumer.abort();
  std::vector<Delivery> out;
  CHECK(t.consumer.receive(out, 1, in(seconds(5)), {}).code() == Code::closed);
  CHECK(out.empty());
}

}  // namespace
}  // namespace millrace::queue
