// How long to wait before a broker is tried again: doubled from 50 ms to 2 s, with jitter, so that
// those who lost it together don't come back together.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace millrace::queue {

// `attempt` counts from 0. Thread-safe.
inline std::chrono::milliseconds reconnect_pause(unsigned attempt) {
  using std::chrono::milliseconds;
  thread_local std::minstd_rand random(std::random_device{}());
  const auto bound =
      std::min(milliseconds(2000), milliseconds(50) * (1U << std::min(attempt, 10U)));
  std::uniform_int_distribution<milliseconds::rep> around(bound.count() / 2, bound.count());
  return milliseconds(around(random));
}

}  // namespace millrace::queue
