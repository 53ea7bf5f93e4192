// For a thread parked on a condition that a stop must wake.
#pragma once

#include <condition_variable>
#include <stop_token>

#include "base/thread_annotations.h"

namespace millrace {

// As long as the result lives, a stop notifies `condition` under `mutex`. Borrows both; they
// mustn't be locked when the result is made or destroyed.
inline auto wake_at_stop(const std::stop_token& stop, Mutex& mutex,
                         std::condition_variable& condition) {
  return std::stop_callback(stop, [&mutex, &condition] {
    const MutexLock lock(mutex);
    condition.notify_all();
  });
}

}  // namespace millrace
