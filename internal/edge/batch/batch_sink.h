// The body of a batch request: its messages are sent on in pieces while it arrives, and answered
// together at its end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "edge/batch/batch_answers.h"
#include "edge/batch/piece.h"
#include "http/router.h"
#include "message/batch_splitter.h"

namespace millrace::edge {

inline constexpr std::size_t kBatchMessagesMax = 10'000;
inline constexpr std::size_t kBatchBytesMax = std::size_t{8} << 20;  // unpacked

// On the connection's I/O thread. It lives until its last piece is answered.
class BatchSink final : public http::BodySink, public std::enable_shared_from_this<BatchSink> {
 public:
  BatchSink(BatchSplitter::Form form, SendPiece send, http::Reply reply, http::Resume resume,
            std::string request_id);

  [[nodiscard]] bool write(std::string_view bytes) override;
  void end() override;
  void cut(const Status& why) override;
  // The body can't be read any further: what came before it counts.
  void break_off(const Status& why);

 private:
  void take(const Result<std::string_view>& element);
  void send_gathered();
  void on_answer(std::uint64_t first, PieceAnswer answer);
  void answer_if_done();

  const SendPiece send_;
  const http::Resume resume_;
  const std::string request_id_;
  std::optional<http::Reply> reply_;
  BatchAnswers answers_;
  BatchPiece gathered_;
  std::uint64_t count_ = 0;    // of messages so far
  std::size_t under_way_ = 0;  // pieces
  bool over_ = false;          // nothing more is taken
  bool full_ = false;          // more is given once resume_ was called
  BatchSplitter splitter_;     // last: it calls take()
};

}  // namespace millrace::edge
