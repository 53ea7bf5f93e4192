// A batch of messages travels in pieces: so many lines as came together, and what became of each.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/unique_function.h"

namespace millrace::edge {

// Of one piece.
inline constexpr std::size_t kPieceMessagesMax = 512;

struct BatchPiece {
  std::uint64_t first = 0;  // the place of its first message in the batch, from 0
  std::size_t count = 0;
  std::string lines;  // a message in each
};

struct PieceProblem {
  std::uint32_t at = 0;  // in the piece, from 0
  Status why;
};

struct PieceAnswer {
  std::size_t count = 0;
  std::string ids;                     // of those accepted, kIdBytes each, in their order
  std::vector<PieceProblem> problems;  // of the others, in their order

  static constexpr std::size_t kIdBytes = 36;
  [[nodiscard]] std::size_t accepted() const { return ids.size() / kIdBytes; }

  // The same for each.
  static PieceAnswer all(std::size_t count, const Status& why);
};

// What is wrong with one of thousands, in a sentence that isn't longer than one.
std::string_view bounded_reason(std::string_view text);

// Sees to a piece. `done` is called once, on the thread that sent it, or inside the call.
using SendPiece = std::function<void(BatchPiece piece, UniqueFunction<void(PieceAnswer)> done)>;

// millrace.v1.PieceAnswer.
std::string encode_piece_answer(const PieceAnswer& answer);
// Of a piece of `count`; Code::invalid when it isn't an answer to that.
Result<PieceAnswer> decode_piece_answer(std::string_view bytes, std::size_t count);

}  // namespace millrace::edge
