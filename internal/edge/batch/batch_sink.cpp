#include "edge/batch/batch_sink.h"

namespace millrace::edge {
namespace {

// A piece is sent when it has so much, or when what came together is in it.
constexpr std::size_t kPieceBytesMax = std::size_t{64} * 1024;
// Beyond that the client's bytes wait in its socket.
constexpr std::size_t kPiecesUnderWayMax = 4;

}  // namespace

BatchSink::BatchSink(BatchSplitter::Form form, SendPiece send, http::Reply reply,
                     http::Resume resume, std::string request_id)
    : send_(std::move(send)),
      resume_(std::move(resume)),
      request_id_(std::move(request_id)),
      reply_(std::move(reply)),
      splitter_(form, http::kBodyBytesMax,
                [this](const Result<std::string_view>& element) { take(element); }) {}

bool BatchSink::write(std::string_view bytes) {
  const auto self = shared_from_this();  // the last answer may come, and end it, inside
  full_ = false;
  splitter_.feed(bytes);
  send_gathered();
  if (over_) answer_if_done();
  full_ = under_way_ >= kPiecesUnderWayMax;
  return !full_;
}

void BatchSink::end() {
  const auto self = shared_from_this();
  splitter_.end();
  send_gathered();
  over_ = true;
  answer_if_done();
}

void BatchSink::cut(const Status& why) {
  if (count_ > 0) break_off(why);  // otherwise there is nothing to tell
}

void BatchSink::break_off(const Status& why) {
  const auto self = shared_from_this();
  if (over_) return;
  take(why);
  over_ = true;
  answer_if_done();
}

void BatchSink::take(const Result<std::string_view>& element) {
  if (over_) return;
  const std::uint64_t place = count_++;
  const auto refuse = [&](const Status& why) {
    send_gathered();
    answers_.add(place, PieceAnswer::all(1, why));
  };
  if (place >= kBatchMessagesMax) {
    refuse({Code::too_large, "a batch has at most " + std::to_string(kBatchMessagesMax) +
                                 " messages: this one and what follows isn't taken"});
    over_ = true;
    return;
  }
  if (!element.has_value()) return refuse(element.error());
  if (gathered_.count == 0) gathered_.first = place;
  gathered_.lines.append(*element).push_back('\n');
  ++gathered_.count;
  if (gathered_.count >= kPieceMessagesMax || gathered_.lines.size() >= kPieceBytesMax) {
    send_gathered();
  }
}

void BatchSink::send_gathered() {
  if (gathered_.count == 0) return;
  const std::uint64_t first = gathered_.first;
  ++under_way_;
  send_(std::exchange(gathered_, {}), [self = shared_from_this(), first](PieceAnswer answer) {
    self->on_answer(first, std::move(answer));
  });
}

void BatchSink::on_answer(std::uint64_t first, PieceAnswer answer) {
  --under_way_;
  answers_.add(first, std::move(answer));
  if (over_) return answer_if_done();
  if (std::exchange(full_, false)) resume_();
}

void BatchSink::answer_if_done() {
  if (!over_ || under_way_ > 0 || !reply_) return;
  std::move(*std::exchange(reply_, std::nullopt)).send(answers_.response(request_id_));
}

}  // namespace millrace::edge
