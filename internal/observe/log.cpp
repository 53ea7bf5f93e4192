#include "observe/log.h"

#include <fmt/chrono.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/thread_annotations.h"

namespace millrace::observe {
namespace {

using nlohmann::json;

std::atomic<Level> threshold{Level::info};

constexpr std::string_view level_name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
    case Level::off:
      break;
  }
  return "off";
}

constexpr spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      break;
  }
  return spdlog::level::off;
}

// Values come from anywhere, peers included: what isn't UTF-8 becomes U+FFFD, control characters
// are escaped, so a line stays a line.
std::string json_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string json_string(std::string_view text) { return json_text(json(text)); }

std::string timestamp() {
  const std::int64_t now_ms = system_clock().unix_ms();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(now_ms / 1000), now_ms % 1000);
}

// Where lines go. One lock around stamping and writing keeps lines whole and in order.
class Output {
 public:
  Output()
      : stderr_("millrace", std::make_shared<spdlog::sinks::stderr_sink_st>()),
        service_(json_string("millrace")) {
    stderr_.set_pattern("%v");
    stderr_.set_level(spdlog::level::trace);  // `threshold` decides
  }

  void set_service(std::string_view service) {
    MutexLock lock(mutex_);
    service_ = json_string(service);
  }

  void set_capture(std::string* capture) {
    MutexLock lock(mutex_);
    capture_ = capture;
  }

  // `tail` is the line from the event on.
  void write(Level level, std::string_view tail) {
    MutexLock lock(mutex_);
    const std::string line = fmt::format(R"({{"ts":"{}","level":"{}","service":{},{}}})",
                                         timestamp(), level_name(level), service_, tail);
    if (capture_ != nullptr) {
      capture_->append(line).push_back('\n');
    } else {
      stderr_.log(spdlog_level(level), line);
    }
  }

 private:
  Mutex mutex_;
  spdlog::logger stderr_ GUARDED_BY(mutex_);
  std::string service_ GUARDED_BY(mutex_);  // as JSON
  std::string* capture_ GUARDED_BY(mutex_) = nullptr;
};

Output& output() {
  static Output instance;
  return instance;
}

}  // namespace

void init_log(std::string_view service, Level level) {
  output().set_service(service);
  threshold.store(level, std::memory_order_relaxed);
}

bool enabled(Level level) noexcept {
  return level != Level::off && level >= threshold.load(std::memory_order_relaxed);
}

void log(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  std::string tail = R"("event":)" + json_string(event);
  for (const Field& field : fields) {
    tail += ',';
    tail += json_string(field.key);
    tail += ':';
    tail += json_text(std::visit([](const auto& value) { return json(value); }, field.value));
  }
  output().write(level, tail);
}

Throttle::Pass Throttle::pass() noexcept {
  const std::int64_t now_ns = clock_.now().time_since_epoch() / Duration{1};
  std::int64_t next_ns = next_ns_.load(std::memory_order_relaxed);
  // Only the thread that moves the mark forward passes; one that lost the race finds it ahead.
  while (now_ns >= next_ns) {
    if (next_ns_.compare_exchange_weak(next_ns, now_ns + period_.count(),
                                       std::memory_order_relaxed)) {
      return {true, suppressed_.exchange(0, std::memory_order_relaxed)};
    }
  }
  suppressed_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

void capture_log(std::string* capture) { output().set_capture(capture); }

}  // namespace millrace::observe
