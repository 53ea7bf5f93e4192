#include "edge/grpc/call_metrics.h"

#include "edge/grpc/call_status.h"

namespace millrace::edge {
namespace {

const char* type_name(CallType type) {
  switch (type) {
    case CallType::unary:
      return "unary";
    case CallType::client_stream:
      return "client_stream";
    case CallType::server_stream:
      return "server_stream";
    case CallType::bidi_stream:
      break;
  }
  return "bidi_stream";
}

// "INVALID_ARGUMENT" as the other gRPC libraries' metrics have it: "InvalidArgument".
std::string label_of(grpc::StatusCode code) {
  if (code == grpc::StatusCode::OK) return "OK";
  if (code == grpc::StatusCode::CANCELLED) return "Canceled";
  std::string label;
  bool first = true;
  for (const char c : grpc_code_name(code)) {
    if (c != '_') label += first ? c : static_cast<char>(c - 'A' + 'a');
    first = c == '_';
  }
  return label;
}

}  // namespace

MethodMetrics::MethodMetrics(observe::Registry& registry, const std::string& service,
                             std::string method, CallType type)
    : registry_(registry),
      method_(std::move(method)),
      labels_{{"grpc_type", type_name(type)}, {"grpc_service", service}, {"grpc_method", method_}},
      started_(registry.counter("grpc_server_started_total", "Calls begun.", labels_)),
      received_(registry.counter("grpc_server_msg_received_total",
                                 "Messages received from clients.", labels_)),
      sent_(registry.counter("grpc_server_msg_sent_total", "Messages sent to clients.", labels_)),
      seconds_(registry.histogram("grpc_server_handling_seconds",
                                  "Time from a call's begin to its status, streams as a whole.",
                                  observe::duration_bounds_s(), labels_)),
      open_(std::make_shared<std::atomic<std::int64_t>>(0)) {
  registry.gauge(
      "grpc_server_open_calls", "Calls begun and not ended yet.",
      [open = open_] { return static_cast<double>(open->load()); }, labels_);
}

void MethodMetrics::on_started() {
  started_.add();
  open_->fetch_add(1, std::memory_order_relaxed);
}

void MethodMetrics::on_handled(grpc::StatusCode code, Duration took) {
  const auto index = static_cast<std::size_t>(code);
  handled(index < kCodes ? index : std::size_t{grpc::StatusCode::UNKNOWN}).add();
  seconds_.observe(std::chrono::duration<double>(took).count());
  open_->fetch_sub(1, std::memory_order_relaxed);
}

observe::Counter& MethodMetrics::handled(std::size_t code) {
  auto& slot = handled_[code];
  if (auto* counter = slot.load(std::memory_order_acquire)) return *counter;
  const MutexLock lock(mutex_);
  if (auto* counter = slot.load(std::memory_order_relaxed)) return *counter;
  observe::Labels labels = labels_;
  labels.emplace_back("grpc_code", label_of(static_cast<grpc::StatusCode>(code)));
  auto& counter = registry_.counter("grpc_server_handled_total", "Calls ended, by their code.",
                                    std::move(labels));
  slot.store(&counter, std::memory_order_release);
  return counter;
}

}  // namespace millrace::edge
