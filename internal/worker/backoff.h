// How long to wait before trying again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

#include "base/clock.h"

namespace millrace::worker {

struct Backoff {
  Duration base = std::chrono::milliseconds(100);
  Duration cap = std::chrono::seconds(10);

  // base, 2 base, 4 base, ... at most cap. `attempt` is the one that failed, from 1.
  [[nodiscard]] Duration bound(std::uint32_t attempt) const {
    const std::uint32_t doublings = std::min(std::max(attempt, 1U) - 1, 30U);
    if (base.count() > (cap.count() >> doublings)) return cap;
    return Duration(base.count() << doublings);
  }

  // Full jitter: anything from 0 to bound(), so that what failed together is not retried together.
  template <class Random>
  [[nodiscard]] Duration jittered(std::uint32_t attempt, Random& random) const {
    return Duration(
        std::uniform_int_distribution<Duration::rep>(0, bound(attempt).count())(random));
  }
};

// What a handler may ask for at most (RetryLater.after).
inline constexpr Duration kRetryAfterMax = std::chrono::minutes(5);

}  // namespace millrace::worker
