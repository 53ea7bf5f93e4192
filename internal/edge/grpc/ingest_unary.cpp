#include "diplom/v1/diplom.pb.h"
#include "edge/grpc/call.h"
#include "edge/grpc/call_status.h"
#include "edge/grpc/ingest_calls.h"
#include "edge/grpc/request_codec.h"

namespace millrace::edge {
namespace {

// Ingest: one message, one answer. Lives until finish().
class IngestCall {
 public:
  IngestCall(CallContext& context, MethodMetrics& metrics, grpc::CallbackServerContext& server,
             const grpc::ByteBuffer& request, grpc::ByteBuffer& response)
      : context_(context),
        server_(server),
        reactor_(*server.DefaultReactor()),
        request_(request),
        response_(response),
        call_(server, metrics, context.connections) {
    context_.calls.add();
    call_.received(request_.Length());
  }

  // Why it isn't even begun; ok: it may be.
  [[nodiscard]] Status refusal() {
    if (context_.draining) return {Code::closed, kShuttingDown};
    if (std::chrono::steady_clock::now() >= call_.deadline()) {
      return {Code::deadline, "the deadline was over before the message was looked at"};
    }
    held_ = request_.Length();
    if (context_.held.try_take(held_)) return {};
    held_ = 0;
    return {Code::full, "too many bytes are waiting for the queue"};
  }

  [[nodiscard]] Result<IngestItem> decode() {
    auto item =
        decode_request(request_, context_.limits.message_bytes_max, call_.idempotency_key());
    const std::uint64_t overhead = memory_overhead(item);
    context_.held.take_more(overhead);
    held_ += overhead;
    return item;
  }
  [[nodiscard]] grpc::ServerUnaryReactor& reactor() { return reactor_; }
  [[nodiscard]] Time deadline() const { return call_.deadline(); }
  [[nodiscard]] bool is_cancelled() const { return server_.IsCancelled(); }

  void answer(const IngestAnswer& answer) {
    if (!answer.status.ok()) {
      if (is_cancelled()) return finish(call_.cancelled());
      return finish(to_grpc(answer.status));
    }
    diplom::v1::IngestResponse message;
    message.set_message_id(answer.message_id);
    message.set_status("accepted");
    response_ = encode_answer(message);
    call_.sent();
    finish(grpc::Status::OK, answer.message_id);
  }

  void finish(const grpc::Status& status, std::string_view message_id = {}) {
    call_.finish(status, message_id);
    context_.held.give(held_);
    CallContext& context = context_;
    reactor_.Finish(status);  // what gRPC lent us may be gone now
    context.calls.remove();
  }

 private:
  CallContext& context_;
  grpc::CallbackServerContext& server_;
  grpc::ServerUnaryReactor& reactor_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer& response_;
  Call call_;
  std::uint64_t held_ = 0;  // bytes, of those that all calls may hold
};

}  // namespace

grpc::ServerUnaryReactor* start_ingest(CallContext& context, MethodMetrics& metrics,
                                       grpc::CallbackServerContext& server,
                                       const grpc::ByteBuffer& request,
                                       grpc::ByteBuffer& response) {
  const auto call = std::make_shared<IngestCall>(context, metrics, server, request, response);
  auto* const reactor = &call->reactor();
  if (const Status refused = call->refusal(); !refused.ok()) {
    call->finish(to_grpc(refused));
    return reactor;
  }
  context.unary.add(
      call->decode(), call->deadline(), [call] { return call->is_cancelled(); },
      [call](const IngestAnswer& answer) { call->answer(answer); });
  return reactor;
}

}  // namespace millrace::edge
