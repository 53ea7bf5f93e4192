// Messages that are not to be delivered in the order they came: those to be retried after a delay,
// and those given back. The cold path: a heap under a mutex, with the next due time readable
// without it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "queue/memory/queued_message.h"

namespace millrace::queue {

// Thread-safe.
class DelayList {
 public:
  static constexpr Time kAtOnce = Time::min();

  // Keeps `message` until `due`; equal ones leave in the order they came. True when it is now the
  // first to be due: who sleeps until the former first must look again.
  bool push(QueuedMessage&& message, Time due) EXCLUDES(mutex_);

  // Hands up to `max` messages that are due at `now` to `take(QueuedMessage&&)`, under the lock.
  template <class Take>
  std::size_t take_due(Time now, std::size_t max, Take&& take) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    std::size_t taken = 0;
    for (; taken < max && !heap_.empty() && due_of_first() <= now; ++taken) {
      std::pop_heap(heap_.begin(), heap_.end(), Later{});
      take(std::move(heap_.back().message));
      heap_.pop_back();
    }
    update_snapshot();
    return taken;
  }

  // From now on, everything in here and everything that comes is due at once.
  void make_all_due() EXCLUDES(mutex_);

  // Time::max() when empty. relaxed: a hint; what it hints at is read under the lock.
  [[nodiscard]] Time next_due() const noexcept { return next_due_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    Time due;
    std::uint64_t order;
    QueuedMessage message;
  };

  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.due != b.due ? a.due > b.due : a.order > b.order;
    }
  };

  [[nodiscard]] Time due_of_first() const REQUIRES(mutex_) {
    return all_due_ ? kAtOnce : heap_.front().due;
  }
  void update_snapshot() REQUIRES(mutex_);

  Mutex mutex_;
  std::vector<Entry> heap_ GUARDED_BY(mutex_);
  std::uint64_t next_order_ GUARDED_BY(mutex_) = 0;
  bool all_due_ GUARDED_BY(mutex_) = false;

  // Written under the lock, read without.
  std::atomic<Time> next_due_{Time::max()};
  std::atomic<std::size_t> size_{0};
};

}  // namespace millrace::queue
