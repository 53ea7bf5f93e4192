#include "diplom/v1/diplom.pb.h"
#include "edge/grpc/call_status.h"
#include "edge/grpc/ingest_calls.h"
#include "edge/grpc/request_codec.h"
#include "edge/grpc/stream_session.h"

namespace millrace::edge {
namespace {

// IngestStream: one answer at the end.
class IngestStreamCall final : public grpc::ServerReadReactor<grpc::ByteBuffer>,
                               private StreamTransport,
                               public std::enable_shared_from_this<IngestStreamCall> {
 public:
  IngestStreamCall(MethodMetrics& metrics, grpc::CallbackServerContext& call,
                   grpc::ByteBuffer& response)
      : metrics_(metrics), call_(call), response_(response) {}

  void begin(CallContext& context) {
    self_ = shared_from_this();
    Call call(call_, metrics_, context.connections);
    StartSendInitialMetadata();
    session_ = StreamSession::open(context, std::move(call), *this);
  }

 private:
  // gRPC calls these only once the call that made this has returned.
  void OnReadDone(bool ok) override { session_->on_read(ok, request_); }
  void OnCancel() override { session_->on_cancel(); }
  void OnDone() override {
    session_->on_done();
    const auto last = std::move(self_);
  }

  void read() override {
    request_.Clear();
    StartRead(&request_);
  }
  void tell(std::uint64_t /*first*/, const std::vector<IngestAnswer>& /*answers*/) override {}
  void told(bool /*ok*/) override {}
  [[nodiscard]] bool is_congested() const override { return false; }
  [[nodiscard]] bool has_told_all() const override { return true; }
  grpc::Status conclude(const StreamProgress& progress) override;
  void finish(const grpc::Status& status) override { Finish(status); }
  void cancel() override { call_.TryCancel(); }

  MethodMetrics& metrics_;
  grpc::CallbackServerContext& call_;
  grpc::ByteBuffer& response_;
  grpc::ByteBuffer request_;
  std::shared_ptr<StreamSession> session_;
  std::shared_ptr<IngestStreamCall> self_;  // until gRPC is done with it
};

grpc::Status IngestStreamCall::conclude(const StreamProgress& progress) {
  if (progress.accepted == 0 && progress.rejected > 0) {
    return to_grpc(progress.first_error, progress);
  }
  diplom::v1::IngestResponse message;
  message.set_message_id(progress.last_message_id);
  message.set_status(progress.rejected == 0 ? "accepted" : "partial");
  message.set_accepted(progress.accepted);
  message.set_rejected(progress.rejected);
  if (!progress.first_error.ok()) {
    *message.mutable_first_error() = to_problem(progress.first_error_index, progress.first_error);
  }
  response_ = encode_answer(message);
  metrics_.on_sent();
  return grpc::Status::OK;
}

}  // namespace

grpc::ServerReadReactor<grpc::ByteBuffer>* start_ingest_stream(CallContext& context,
                                                               MethodMetrics& metrics,
                                                               grpc::CallbackServerContext& call,
                                                               grpc::ByteBuffer& response) {
  const auto stream = std::make_shared<IngestStreamCall>(metrics, call, response);
  stream->begin(context);
  return stream.get();
}

}  // namespace millrace::edge
