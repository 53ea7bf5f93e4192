// Lets a thread sleep until a condition of somebody else's lock-free structure may have changed, at
// almost no cost to the side that changes it while nobody sleeps.
//
//   waiter:    const auto key = event.prepare_wait();
//              if (condition()) event.cancel_wait(); else event.wait(key, deadline);
//              ... and look at the condition again
//   notifier:  change the condition; event.notify(1);
//
// Why no wake-up is lost: prepare_wait() and notify() both modify waiters_, so one comes first.
// When the notifier does, the waiter's look at the condition comes after the change and sees it.
// When the waiter does, the notifier sees it counted and moves epoch_ on, so that wait() returns at
// once or is woken. The kernel compares epoch_ with the key under its own lock before it puts a
// thread to sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "base/clock.h"

namespace millrace {

// Thread-safe.
class alignas(64) EventCount {
 public:
  using Key = std::uint32_t;

  // Announces a sleeper. Must be followed by exactly one cancel_wait() or wait().
  [[nodiscard]] Key prepare_wait() noexcept {
    // acq_rel: acquires what a notifier that came first changed; releases nothing but its own rank
    // among the modifications, which notify() relies on.
    waiters_.fetch_add(1, std::memory_order_acq_rel);
    // acquire: a key taken after a notifier moved the epoch on comes with what it changed before.
    return epoch_.load(std::memory_order_acquire);
  }

  // relaxed: a notifier that still counts us makes one system call too many, nothing worse.
  void cancel_wait() noexcept { waiters_.fetch_sub(1, std::memory_order_relaxed); }

  // Sleeps until a notify that came after prepare_wait(), at most until `deadline` on the steady
  // clock (Time::max(): no limit); false when that passed. May return early: look at the condition
  // again.
  bool wait(Key key, Time deadline) noexcept;

  // Wakes up to `n` sleepers. One uncontended atomic add when nobody sleeps.
  void notify(std::uint32_t n) noexcept {
    // An add of zero, not a load: it takes a place among the modifications of waiters_. acq_rel:
    // releases the changed condition to a waiter that comes later, acquires one that came before.
    if (waiters_.fetch_add(0, std::memory_order_acq_rel) != 0) wake(n);
  }

  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept { notify(std::numeric_limits<std::int32_t>::max()); }

  // Threads asleep, about to sleep, or woken and not yet running.
  [[nodiscard]] std::uint32_t waiters() const noexcept {
    return waiters_.load(std::memory_order_relaxed);  // relaxed: a hint
  }

 private:
  void wake(std::uint32_t n) noexcept;

  // The futex word. It wraps: a waiter would have to pause between prepare_wait() and wait() for
  // exactly 2^32 wake-ups to miss them.
  std::atomic<std::uint32_t> epoch_{0};
  std::atomic<std::uint32_t> waiters_{0};
};

}  // namespace millrace
