// When each request of an open loop is due.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace millrace::load {

// Even intervals from the start. Each moment is computed from its index, so that no error adds up.
class Schedule {
 public:
  // `rate` per second, at least a request.
  Schedule(double rate, double seconds)
      : interval_ns_(1e9 / rate),
        count_(static_cast<std::uint64_t>(std::max(1.0, std::round(rate * seconds)))) {}

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::chrono::nanoseconds offset(std::uint64_t index) const {
    return std::chrono::nanoseconds(std::llround(static_cast<double>(index) * interval_ns_));
  }

 private:
  double interval_ns_;
  std::uint64_t count_;
};

}  // namespace millrace::load
