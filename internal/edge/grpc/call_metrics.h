// What a gRPC server counts of its calls, under the names that dashboards for gRPC know.
#pragma once

#include <array>
#include <atomic>
#include <grpcpp/support/status_code_enum.h>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "observe/metrics.h"

namespace millrace::edge {

enum class CallType : std::uint8_t { unary, client_stream, server_stream, bidi_stream };

// One method's counts. Thread-safe.
class MethodMetrics {
 public:
  // `registry` outlives it.
  MethodMetrics(observe::Registry& registry, const std::string& service, std::string method,
                CallType type);

  [[nodiscard]] const std::string& method() const { return method_; }

  void on_started();
  void on_received(std::uint64_t messages = 1) { received_.add(messages); }
  void on_sent(std::uint64_t messages = 1) { sent_.add(messages); }
  void on_handled(grpc::StatusCode code, Duration took);

  // Calls that are started and not handled; shared with the registry's gauge.
  [[nodiscard]] std::int64_t open() const { return open_->load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kCodes = 17;
  observe::Counter& handled(std::size_t code) EXCLUDES(mutex_);

  observe::Registry& registry_;
  const std::string method_;
  const observe::Labels labels_;
  observe::Counter& started_;
  observe::Counter& received_;
  observe::Counter& sent_;
  observe::Histogram& seconds_;
  const std::shared_ptr<std::atomic<std::int64_t>> open_;
  Mutex mutex_;
  // Made the first time a code is answered.
  std::array<std::atomic<observe::Counter*>, kCodes> handled_{};
};

}  // namespace millrace::edge
