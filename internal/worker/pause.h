// Waiting that a stop ends at once.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/clock.h"

namespace millrace::worker {

// Returns after `time`, or as soon as a stop is requested.
inline void pause(const std::stop_token& stop, Duration time) {
  std::mutex mutex;
  std::condition_variable_any never_notified;
  std::unique_lock lock(mutex);
  never_notified.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace millrace::worker
