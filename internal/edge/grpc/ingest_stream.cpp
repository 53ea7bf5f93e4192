#include "diplom/v1/diplom.pb.h"
#include "edge/grpc/call_status.h"
#include "edge/grpc/ingest_calls.h"
#include "edge/grpc/request_codec.h"
#include "edge/grpc/stream_reactor.h"

namespace millrace::edge {
namespace {

// IngestStream: one answer at the end.
class IngestStreamCall final : public StreamReactor<grpc::ServerReadReactor<grpc::ByteBuffer>> {
 public:
  IngestStreamCall(MethodMetrics& metrics, grpc::CallbackServerContext& call,
                   grpc::ByteBuffer& response)
      : StreamReactor(metrics, call), response_(response) {}

 private:
  void tell(std::uint64_t /*first*/, const std::vector<IngestAnswer>& /*answers*/) override {}
  void told(bool /*ok*/) override {}
  [[nodiscard]] bool is_congested() const override { return false; }
  [[nodiscard]] bool has_told_all() const override { return true; }
  grpc::Status conclude(const StreamProgress& progress) override;

  grpc::ByteBuffer& response_;
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
  metrics().on_sent();
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
