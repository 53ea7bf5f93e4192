#include "base/event_count.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace millrace {
namespace {

using namespace std::chrono_literals;

Time from_now(Duration delay) { return system_clock().now() + delay; }

// Parks until `flag` is set; false when that takes too long.
bool await(EventCount& event, const std::atomic<bool>& flag) {
  const Time deadline = from_now(10s);
  while (!flag.load()) {
    const auto key = event.prepare_wait();
    if (flag.load()) {
      event.cancel_wait();
      return true;
    }
    if (!event.wait(key, deadline)) return false;
  }
  return true;
}

TEST_CASE("a wait ends at its deadline") {
  EventCount event;
  const Time deadline = from_now(5ms);
  CHECK_FALSE(event.wait(event.prepare_wait(), deadline));
  CHECK(system_clock().now() >= deadline);
  CHECK(event.waiters() == 0);
}

TEST_CASE("a deadline in the past, even before the clock's epoch, doesn't wait") {
  EventCount event;
  CHECK_FALSE(event.wait(event.prepare_wait(), Time{}));
  CHECK_FALSE(event.wait(event.prepare_wait(), Time::min()));
}

TEST_CASE("a notification between prepare and wait isn't lost") {
  EventCount event;
  const auto key = event.prepare_wait();
  event.notify_one();
  CHECK(event.wait(key, Time::max()));
  CHECK(event.waiters() == 0);
}

TEST_CASE("a cancelled wait is no waiter") {
  EventCount event;
  (void)event.prepare_wait();
  CHECK(event.waiters() == 1);
  event.cancel_wait();
  CHECK(event.waiters() == 0);
}

TEST_CASE("a notification while nobody waits wakes nobody later") {
  EventCount event;
  event.notify_all();
  CHECK_FALSE(event.wait(event.prepare_wait(), from_now(1ms)));
}

TEST_CASE("notify_all wakes every sleeper") {
  EventCount event;
  std::atomic<bool> flag{false};
  std::atomic<int> woken{0};
  {
    std::vector<std::jthread> sleepers;
    for (int i = 0; i < 4; ++i) {
      sleepers.emplace_back([&] { woken += await(event, flag) ? 1 : 0; });
    }
    while (event.waiters() < 4) std::this_thread::yield();
    flag = true;
    event.notify_all();
  }
  CHECK(woken == 4);
  CHECK(event.waiters() == 0);
}

TEST_CASE("two threads handing a turn to and fro never miss each other") {
  constexpr int kTurns = 5'000;
  EventCount event;
  std::atomic<int> turn{0};
  std::atomic<bool> timed_out{false};
  const auto play = [&](int parity) {
    for (int i = parity; i < kTurns; i += 2) {
      while (turn.load(std::memory_order_acquire) != i) {
        const auto key = event.prepare_wait();
        if (turn.load(std::memory_order_acquire) == i) {
          event.cancel_wait();
        } else if (!event.wait(key, from_now(10s))) {
          timed_out = true;
          return;
        }
      }
      turn.store(i + 1, std::memory_order_release);
      event.notify_one();
    }
  };
  {
    std::jthread even([&] { play(0); });
    std::jthread odd([&] { play(1); });
  }
  CHECK_FALSE(timed_out);
  CHECK(turn == kTurns);
}

TEST_CASE("a summons wakes one sleeper, and no other until it has left") {
  EventCount event;
  const auto first = event.prepare_wait();
  const auto second = event.prepare_wait();
  event.summon();
  CHECK(event.wait(first, from_now(10s)));  // whoever leaves has answered it
  CHECK(event.waiters() == 1);
  event.summon();
  CHECK(event.wait(second, from_now(10s)));
  CHECK(event.waiters() == 0);
}

// The key tells: each wake-up moves it.
TEST_CASE("a second summons wakes nobody while the first isn't answered") {
  EventCount event;
  const auto before = event.prepare_wait();
  event.summon();
  const auto summoned = event.prepare_wait();
  CHECK(summoned != before);
  event.summon();
  CHECK(event.prepare_wait() == summoned);
  for (int i = 0; i < 3; ++i) event.cancel_wait();
  const auto later = event.prepare_wait();
  event.summon();
  CHECK(event.wait(later, from_now(10s)));
}

TEST_CASE("who prepares after a summons that nobody has answered doesn't sleep") {
  EventCount event;
  const auto summoned = event.prepare_wait();
  event.summon();
  const auto late = event.prepare_wait();
  CHECK(event.wait(late, from_now(10s)));
  CHECK(event.wait(summoned, from_now(10s)));
}

TEST_CASE("a cancelled wait answers a summons") {
  EventCount event;
  (void)event.prepare_wait();
  event.summon();
  event.cancel_wait();
  CHECK_FALSE(event.wait(event.prepare_wait(), from_now(1ms)));
}

// One that leaves something behind summons the next: a summons that is lost leaves a thread asleep
// with work to be done.
TEST_CASE("no work is left behind while its takers sleep") {
  constexpr int kTasks = 20'000;
  EventCount event;
  std::atomic<int> waiting{0};
  std::atomic<int> taken{0};
  std::atomic<bool> timed_out{false};
  const auto take = [&] {
    int seen = waiting.load();
    while (seen > 0 && !waiting.compare_exchange_weak(seen, seen - 1)) {
    }
    if (seen > 1) event.summon();
    return seen > 0;
  };
  const auto ready = [&] { return waiting.load() > 0 || taken.load() == kTasks; };
  const auto work = [&] {
    while (taken.load() < kTasks && !timed_out.load()) {
      if (take()) {
        if (taken.fetch_add(1) + 1 == kTasks) event.notify_all();
      } else {
        const auto key = event.prepare_wait();
        if (ready()) {
          event.cancel_wait();
        } else if (!event.wait(key, from_now(10s))) {
          timed_out = true;
        }
      }
    }
  };
  {
    std::vector<std::jthread> takers;
    for (int i = 0; i < 3; ++i) takers.emplace_back(work);
    for (int i = 0; i < kTasks; ++i) {
      ++waiting;
      event.summon();
      if (i % 64 == 0) std::this_thread::yield();
    }
  }
  CHECK_FALSE(timed_out);
  CHECK(taken == kTasks);
  CHECK(event.waiters() == 0);
}

}  // namespace
}  // namespace millrace
