#include "edge/batch/piece.h"

#include "millrace/v1/hop.pb.h"

namespace millrace::edge {

std::string_view bounded_reason(std::string_view text) {
  constexpr std::size_t kBytesMax = 256;
  if (text.size() <= kBytesMax) return text;
  std::size_t end = kBytesMax;  // not within a character
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

PieceAnswer PieceAnswer::all(std::size_t count, const Status& why) {
  PieceAnswer answer;
  answer.count = count;
  for (std::uint32_t at = 0; at < count; ++at) answer.problems.push_back({at, why});
  return answer;
}

std::string encode_piece_answer(const PieceAnswer& answer) {
  millrace::v1::PieceAnswer encoded;
  encoded.set_ids(answer.ids);
  for (const PieceProblem& problem : answer.problems) {
    auto& one = *encoded.add_problems();
    one.set_at(problem.at);
    one.set_code(static_cast<std::uint32_t>(problem.why.code()));
    const std::string_view reason = bounded_reason(problem.why.text());
    one.set_text(reason.data(), reason.size());
  }
  return encoded.SerializeAsString();
}

Result<PieceAnswer> decode_piece_answer(std::string_view bytes, std::size_t count) {
  const Status bad(Code::invalid, "not the answer to this piece of a batch");
  millrace::v1::PieceAnswer encoded;
  if (!encoded.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return bad;
  PieceAnswer answer;
  answer.count = count;
  answer.ids = std::move(*encoded.mutable_ids());
  std::uint64_t next = 0;
  for (auto& one : *encoded.mutable_problems()) {
    if (one.at() < next || one.at() >= count) return bad;
    if (one.code() == 0 || one.code() >= kCodeCount) return bad;
    next = std::uint64_t{one.at()} + 1;
    answer.problems.push_back(
        {one.at(), Status(static_cast<Code>(one.code()), std::move(*one.mutable_text()))});
  }
  const bool whole = answer.ids.size() % PieceAnswer::kIdBytes == 0 &&
                     answer.accepted() + answer.problems.size() == count;
  if (!whole) return bad;
  return answer;
}

}  // namespace millrace::edge
