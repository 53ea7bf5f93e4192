// Time, owned in one place so that tests can turn it by hand. Deadlines are on the steady clock;
// the wall clock is only for timestamps that leave the process.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace millrace {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::steady_clock::time_point;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
  [[nodiscard]] virtual std::int64_t unix_ms() const = 0;
  [[nodiscard]] std::int64_t unix_seconds() const { return unix_ms() / 1000; }
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] std::int64_t unix_ms() const override;
};

// The process's system clock.
const Clock& system_clock();

// Stands still until a test advances it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t unix_ms = 1'700'000'000'000) : start_unix_ms_(unix_ms) {}

  void advance(Duration by) { elapsed_ns_ += by.count(); }

  [[nodiscard]] Time now() const override { return Time{} + Duration{elapsed_ns_.load()}; }
  [[nodiscard]] std::int64_t unix_ms() const override {
    return start_unix_ms_ + elapsed_ns_.load() / 1'000'000;
  }

 private:
  const std::int64_t start_unix_ms_;
  std::atomic<std::int64_t> elapsed_ns_{0};
};

}  // namespace millrace
