#include "edge/grpc/call.h"

#include "edge/grpc/call_status.h"
#include "observe/log.h"
#include "observe/request_id.h"
#include "observe/trace_context.h"

namespace millrace::edge {
namespace {

std::string_view metadata(const grpc::CallbackServerContext& context, const char* name) {
  const auto& all = context.client_metadata();
  const auto at = all.find(name);
  if (at == all.end()) return {};
  return {at->second.data(), at->second.size()};
}

// A client's deadline is on the wall clock, which may be moved; ours isn't.
Time steady(std::chrono::system_clock::time_point deadline) {
  if (deadline == std::chrono::system_clock::time_point::max()) return Time::max();
  const auto left = deadline - std::chrono::system_clock::now();
  if (left > std::chrono::hours(24 * 365)) return Time::max();
  return std::chrono::steady_clock::now() + std::chrono::duration_cast<Duration>(left);
}

bool is_our_fault(grpc::StatusCode code) {
  using enum grpc::StatusCode;
  return code == INTERNAL || code == UNAVAILABLE || code == DEADLINE_EXCEEDED ||
         code == RESOURCE_EXHAUSTED || code == UNKNOWN;
}

}  // namespace

Call::Call(grpc::CallbackServerContext& context, MethodMetrics& metrics,
           const Connections& connections)
    : metrics_(metrics),
      message_bytes_(connections.message_bytes(context.peer())),
      began_(std::chrono::steady_clock::now()),
      deadline_(steady(context.deadline())),
      idempotency_key_(metadata(context, "idempotency-key")) {
  metrics_.on_started();
  observe::adopt_request_id(request_id_, metadata(context, "x-request-id"));
  context.AddInitialMetadata("x-request-id", request_id_);
  if (!idempotency_key_.empty()) context.AddInitialMetadata("idempotency-key", idempotency_key_);
  if (const auto trace = observe::continue_trace(metadata(context, "traceparent"))) {
    trace_id_ = observe::trace_id(*trace);
    context.AddInitialMetadata("traceparent", *trace);
  }
}

grpc::Status Call::cancelled() const {
  using enum grpc::StatusCode;
  return std::chrono::steady_clock::now() >= deadline_
             ? grpc::Status(DEADLINE_EXCEEDED, "the client's deadline is over")
             : grpc::Status(CANCELLED, "cancelled by the client");
}

void Call::received(std::uint64_t bytes) {
  metrics_.on_received();
  message_bytes_->fetch_add(bytes, std::memory_order_relaxed);
}

void Call::finish(const grpc::Status& status, std::string_view message_id) {
  const Duration took = std::chrono::steady_clock::now() - began_;
  const grpc::StatusCode code = status.error_code();
  metrics_.on_handled(code, took);
  static observe::Throttle throttle(std::chrono::seconds(1));
  if (is_our_fault(code)) {
    if (const auto pass = throttle.pass()) {
      observe::warn("request failed", {{"request_id", request_id_},
                                       {"trace_id", trace_id_},
                                       {"route", metrics_.method()},
                                       {"status", grpc_code_name(code)},
                                       {"took_us", took.count() / 1000},
                                       {"suppressed", pass.suppressed}});
    }
  } else if (observe::enabled(observe::Level::debug)) {
    observe::debug("request", {{"request_id", request_id_},
                               {"trace_id", trace_id_},
                               {"route", metrics_.method()},
                               {"message_id", message_id},
                               {"status", grpc_code_name(code)},
                               {"took_us", took.count() / 1000}});
  }
}

}  // namespace millrace::edge
