// The log: one JSON object a line on standard error, written through spdlog.
//
//   {"ts":"2026-01-02T03:04:05.678Z","level":"warn","service":"ingest","event":"upstream lost",
//    "upstream":"http://localhost:8082","error":"connection refused"}
//
// What a level means: error, a person must act; warn, something failed and is handled; info, the
// life of the process (start, ready, drain, stop); debug, single requests. Never a payload or
// secret.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"

namespace millrace::observe {

enum class Level : std::uint8_t { debug, info, warn, error, off };

// A key with its value; the views are borrowed for the call.
struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class T>
  requires std::is_integral_v<T> Field(std::string_view k, T v) : key(k) {
    if constexpr (std::is_signed_v<T>) {
      value = static_cast<std::int64_t>(v);
    } else {
      value = static_cast<std::uint64_t>(v);
    }
  }
};

using Fields = std::initializer_list<Field>;

// Names the service and sets the level; before it, lines go out at info with service "millrace".
void init_log(std::string_view service, Level level);

[[nodiscard]] bool enabled(Level level) noexcept;

// Thread-safe. `event` is a constant phrase to search for; what varies goes into fields.
void log(Level level, std::string_view event, Fields fields = {});

inline void debug(std::string_view event, Fields fields = {}) { log(Level::debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { log(Level::info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { log(Level::warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { log(Level::error, event, fields); }

// Lets a repeated line out once per period. Thread-safe, lock-free.
//
//   static Throttle throttle(1s);
//   if (auto pass = throttle.pass()) warn("queue full", {{"suppressed", pass.suppressed}});
class Throttle {
 public:
  explicit Throttle(Duration period, const Clock& clock = system_clock())
      : period_(period), clock_(clock) {}

  struct Pass {
    bool passed = false;
    std::uint64_t suppressed = 0;  // lines held back since the last one that passed
    explicit operator bool() const { return passed; }
  };
  Pass pass() noexcept;

 private:
  const Duration period_;
  const Clock& clock_;
  std::atomic<std::int64_t> next_ns_{INT64_MIN};
  std::atomic<std::uint64_t> suppressed_{0};
};

// For tests: lines go to `capture` instead of standard error until it is null again.
void capture_log(std::string* capture);

}  // namespace millrace::observe
