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
//
// A notifier whose sleepers share one source of work doesn't wake one for each piece of it: it
// summons. Nobody else is woken until the one summoned has left its sleep, and that one looks at
// the condition and summons the next when it leaves something behind.
//
// That somebody was summoned is a bit of waiters_. Invariants:
//  1. It is set by summon(), while a sleeper is counted. Every sleeper that leaves, woken or not,
//     clears it and looks at the condition afterwards.
//  2. So after a change that found it set somebody looks: whoever clears it. Both modify waiters_:
//     that look sees the change.
//  3. A sleeper that prepared after a summons moved the epoch on would sleep with the bit set,
//     perhaps as the only one left to clear it: wait() returns when it finds it set. At worst that
//     is one look in vain.
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

  // Instead of wait(). After either, look at the condition: a summons may have been for this one.
  void cancel_wait() noexcept;

  // Sleeps until a notify that came after prepare_wait(), at most until `deadline` on the steady
  // clock (Time::max(): no limit); false when that passed. May return early: look at the condition
  // again.
  bool wait(Key key, Time deadline) noexcept;

  // Wakes up to `n` sleepers. One uncontended atomic add when nobody sleeps.
  void notify(std::uint32_t n) noexcept {
    // An add of zero, not a load: it takes a place among the modifications of waiters_. acq_rel:
    // releases the changed condition to a waiter that comes later, acquires one that came before.
    if ((waiters_.fetch_add(0, std::memory_order_acq_rel) & kSleepers) != 0) wake(n);
  }

  // Wakes a sleeper, unless one was summoned that hasn't left its sleep yet.
  void summon() noexcept {
    // As in notify(); again at each try, which releases and acquires what came in between.
    std::uint32_t seen = waiters_.fetch_add(0, std::memory_order_acq_rel);
    while ((seen & kSleepers) != 0 && (seen & kSummoned) == 0) {
      if (waiters_.compare_exchange_weak(seen, seen | kSummoned, std::memory_order_acq_rel)) {
        return wake(1);
      }
    }
  }

  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept { notify(std::numeric_limits<std::int32_t>::max()); }

  // Threads asleep, about to sleep, or woken and not yet running.
  [[nodiscard]] std::uint32_t waiters() const noexcept {
    return waiters_.load(std::memory_order_relaxed) & kSleepers;  // relaxed: a hint
  }

 private:
  static constexpr std::uint32_t kSummoned = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kSleepers = kSummoned - 1;

  void wake(std::uint32_t n) noexcept;

  // The futex word. It wraps: a waiter would have to pause between prepare_wait() and wait() for
  // exactly 2^32 wake-ups to miss them.
  std::atomic<std::uint32_t> epoch_{0};
  std::atomic<std::uint32_t> waiters_{0};  // how many sleepers, and whether one is summoned
};

}  // namespace millrace
