// Who is still at work: drain() waits until nobody is.
#pragma once

#include <condition_variable>
#include <cstdint>

#include "base/clock.h"
#include "base/thread_annotations.h"

namespace millrace::worker {

// Thread-safe.
class Census {
 public:
  void enter(std::int64_t many = 1) {
    MutexLock lock(mutex_);
    count_ += many;
  }
  void leave(std::int64_t many = 1) {
    MutexLock lock(mutex_);
    count_ -= many;
    if (count_ == 0) empty_.notify_all();
  }

  [[nodiscard]] std::int64_t count() {
    MutexLock lock(mutex_);
    return count_;
  }

  // False when somebody is still at work at `deadline`.
  [[nodiscard]] bool wait_until_empty(Time deadline) {
    MutexLock lock(mutex_);
    while (count_ > 0) {
      if (!lock.wait_until(empty_, deadline)) return count_ == 0;
    }
    return true;
  }

 private:
  Mutex mutex_;
  std::condition_variable empty_;
  std::int64_t count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::worker
