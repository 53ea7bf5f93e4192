// What every call has, whatever its kind: ids from its metadata, a deadline, counts, a log line.
#pragma once

#include <chrono>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>
#include <string>

#include "edge/grpc/call_metrics.h"
#include "edge/grpc/connections.h"

namespace millrace::edge {

class Call {
 public:
  // Begins it: counts, and puts x-request-id, and traceparent if the caller sent one, into the
  // answer's first metadata. `context` outlives finish(), `metrics` the call.
  // `connections` knows whose the messages are.
  Call(grpc::CallbackServerContext& context, MethodMetrics& metrics,
       const Connections& connections);

  [[nodiscard]] const std::string& request_id() const { return request_id_; }
  // The metadata's, empty when there is none.
  [[nodiscard]] const std::string& idempotency_key() const { return idempotency_key_; }
  // The client's, Time::max() when it gave none.
  [[nodiscard]] Time deadline() const { return deadline_; }

  // What it is to be called that gRPC says it is cancelled: past its deadline, or by the client.
  [[nodiscard]] grpc::Status cancelled() const;

  // A message, of so many bytes.
  void received(std::uint64_t bytes);
  void sent() { metrics_.on_sent(); }
  // Once, at its end: counts and logs. For a debug line `message_id` joins the two ids.
  void finish(const grpc::Status& status, std::string_view message_id = {});

 private:
  MethodMetrics& metrics_;
  MessageBytes message_bytes_;
  const Time began_;
  Time deadline_ = Time::max();
  std::string request_id_;
  std::string idempotency_key_;
  std::string trace_id_;
};

}  // namespace millrace::edge
