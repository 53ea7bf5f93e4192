#include <deque>

#include "diplom/v1/diplom.pb.h"
#include "edge/grpc/call_status.h"
#include "edge/grpc/ingest_calls.h"
#include "edge/grpc/request_codec.h"
#include "edge/grpc/stream_reactor.h"

namespace millrace::edge {
namespace {

using diplom::v1::IngestAck;

// Messages whose verdict may wait to be sent before no more are read.
constexpr std::uint64_t kUntoldMax = 1024;

const char* fate(Code code) {
  if (code == Code::ok) return "accepted";
  return code == Code::deadline ? "unknown" : "rejected";
}

// One acknowledgement for neighbours of the same fate.
std::deque<IngestAck> to_acks(std::uint64_t index, const std::vector<IngestAnswer>& answers) {
  std::deque<IngestAck> acks;
  const Status* last = nullptr;
  for (const IngestAnswer& answer : answers) {
    if (last == nullptr || answer.status != *last) {
      IngestAck& ack = acks.emplace_back();
      ack.set_index(index);
      ack.set_status(fate(answer.status.code()));
      if (!answer.status.ok()) *ack.mutable_problem() = to_problem(index, answer.status);
    }
    IngestAck& ack = acks.back();
    ack.set_count(ack.count() + 1);
    if (answer.status.ok()) ack.add_message_ids(answer.message_id);
    last = &answer.status;
    ++index;
  }
  return acks;
}

// IngestAcks: an answer for each run of messages.
class IngestAcksCall final
    : public StreamReactor<grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>> {
 public:
  using StreamReactor::StreamReactor;

 private:
  void OnWriteDone(bool ok) override { session().on_told(ok); }

  void tell(std::uint64_t first, const std::vector<IngestAnswer>& answers) override;
  void told(bool ok) override;
  [[nodiscard]] bool is_congested() const override { return untold_ >= kUntoldMax; }
  [[nodiscard]] bool has_told_all() const override { return untold_ == 0; }
  grpc::Status conclude(const StreamProgress& /*progress*/) override { return grpc::Status::OK; }

  void write_next();

  // Under the session's lock:
  std::deque<IngestAck> acks_;  // the first is being written
  std::uint64_t untold_ = 0;    // messages they speak of
  grpc::ByteBuffer written_;
};

void IngestAcksCall::tell(std::uint64_t first, const std::vector<IngestAnswer>& answers) {
  const bool writing = !acks_.empty();
  for (IngestAck& ack : to_acks(first, answers)) acks_.push_back(std::move(ack));
  untold_ += answers.size();
  if (!writing) write_next();
}

void IngestAcksCall::write_next() {
  written_ = encode_answer(acks_.front());
  StartWrite(&written_);
}

void IngestAcksCall::told(bool ok) {
  if (!ok) {  // nobody is there to be told the rest
    acks_.clear();
    untold_ = 0;
    return;
  }
  metrics().on_sent();
  untold_ -= acks_.front().count();
  acks_.pop_front();
  if (!acks_.empty()) write_next();
}

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_ingest_acks(
    CallContext& context, MethodMetrics& metrics, grpc::CallbackServerContext& call) {
  const auto stream = std::make_shared<IngestAcksCall>(metrics, call);
  stream->begin(context);
  return stream.get();
}

}  // namespace millrace::edge
