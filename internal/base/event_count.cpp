#include "base/event_count.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace millrace {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t),
              "the kernel reads the atomic as a plain word");

// The steady clock is CLOCK_MONOTONIC, which is what FUTEX_WAIT_BITSET counts in.
timespec to_timespec(Time deadline) {
  // The kernel refuses negative times; both mean "already past".
  const auto ns = std::max<Time::rep>(deadline.time_since_epoch() / Duration(1), 0);
  return {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
}

// False when the deadline passed.
bool futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, Time deadline) {
  const timespec until = to_timespec(deadline);
  const timespec* limit = deadline == Time::max() ? nullptr : &until;
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                              limit, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 || errno != ETIMEDOUT;
}

}  // namespace

bool EventCount::wait(Key key, Time deadline) noexcept {
  bool in_time = true;
  // acquire: who has the key of a summons sees its bit, if nobody else has answered it (invariant
  // 3).
  const bool summoned = (waiters_.load(std::memory_order_acquire) & kSummoned) != 0;
  // acquire: with the new epoch comes what the notifier changed.
  while (!summoned && epoch_.load(std::memory_order_acquire) == key && in_time) {
    in_time = futex_wait(epoch_, key, deadline);
  }
  cancel_wait();
  return in_time;
}

void EventCount::cancel_wait() noexcept {
  // acq_rel: a summons that comes later finds the bit clear; one that came before is acquired.
  std::uint32_t seen = waiters_.load(std::memory_order_relaxed);
  while (
      !waiters_.compare_exchange_weak(seen, (seen - 1) & ~kSummoned, std::memory_order_acq_rel)) {
  }
}

void EventCount::wake(std::uint32_t n) noexcept {
  // release: pairs with the acquires of prepare_wait() and wait().
  epoch_.fetch_add(1, std::memory_order_release);
  syscall(SYS_futex, &epoch_, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, nullptr, nullptr, 0);
}

}  // namespace millrace
