#include "edge/batch/batch_answers.h"

#include "http/problem.h"
#include "message/json.h"

namespace millrace::edge {
namespace {

// Short of what all have in common: its type is about:blank, and its request the batch's.
void append_problem(std::string& json, const Status& why) {
  const unsigned status = http::http_status(why.code());
  json.append("\"problem\":{\"title\":\"").append(http::reason_phrase(status));
  json.append("\",\"status\":").append(std::to_string(status)).append(",\"detail\":");
  append_json_string(json, bounded_reason(why.text()));
  json.append(",\"retryable\":").append(why.retryable() ? "true}" : "false}");
}

// Ids of ours need no escapes.
void append_message_id(std::string& json, std::string_view id) {
  json.append("\"messageId\":\"").append(id).append("\"");
}

// Each with a comma behind it.
void append_items(std::string& json, std::uint64_t first, const PieceAnswer& piece) {
  std::size_t id_at = 0;
  auto problem = piece.problems.begin();
  for (std::size_t i = 0; i < piece.count; ++i) {
    json.append("{\"index\":").append(std::to_string(first + i)).append(",");
    if (problem != piece.problems.end() && problem->at == i) {
      append_problem(json, problem++->why);
    } else {
      append_message_id(json, std::string_view(piece.ids).substr(id_at, PieceAnswer::kIdBytes));
      id_at += PieceAnswer::kIdBytes;
    }
    json.append("},");
  }
}

}  // namespace

void BatchAnswers::add(std::uint64_t first, PieceAnswer answer) {
  accepted_ += answer.accepted();
  for (const PieceProblem& problem : answer.problems) {
    ++(problem.why.code() == Code::deadline ? unknown_ : rejected_);
  }
  pieces_.emplace(first, std::move(answer));
}

http::Response BatchAnswers::response(std::string_view request_id) const {
  const std::size_t others = rejected_ + unknown_;
  if (accepted_ + others == 0) {
    return http::problem(400, "the batch has no message in it", request_id);
  }
  if (accepted_ == 0) return none_accepted(request_id);
  std::string json = others == 0 ? "{\"status\":\"accepted\"" : "{\"status\":\"partial\"";
  append_counts_and_items(json);
  json.append("}");
  return http::Response::json(std::move(json), others == 0 ? 200 : 207);
}

// An unknown outcome first: who is told "refused" sends again what may be in the queue.
const Status& BatchAnswers::telling() const {
  const Status* chosen = nullptr;
  const auto rank = [](const Status& why) {
    if (why.code() == Code::deadline) return 2;
    return why.retryable() ? 1 : 0;
  };
  for (const auto& [first, piece] : pieces_) {
    for (const PieceProblem& problem : piece.problems) {
      if (chosen == nullptr || rank(problem.why) > rank(*chosen)) chosen = &problem.why;
    }
  }
  return *chosen;
}

http::Response BatchAnswers::none_accepted(std::string_view request_id) const {
  const Status& why = telling();
  const std::string all = std::to_string(rejected_ + unknown_);
  const std::string text =
      unknown_ == 0 ? "none of the batch's " + all + " messages was accepted; one of them: "
                    : "of the batch's " + all + " messages " + std::to_string(unknown_) +
                          " have an unknown outcome and none was accepted; one of them: ";
  http::Response response = http::problem(Status(why.code(), text + why.text()), request_id);
  response.body.pop_back();  // its closing brace
  append_counts_and_items(response.body);
  response.body.append("}");
  return response;
}

void BatchAnswers::append_counts_and_items(std::string& json) const {
  json.append(",\"accepted\":").append(std::to_string(accepted_));
  json.append(",\"rejected\":").append(std::to_string(rejected_));
  json.append(",\"unknown\":").append(std::to_string(unknown_));
  json.append(",\"items\":[");
  constexpr std::size_t kItemBytes = PieceAnswer::kIdBytes + 32;
  json.reserve(json.size() + (accepted_ + rejected_ + unknown_) * kItemBytes);
  for (const auto& [first, piece] : pieces_) append_items(json, first, piece);
  if (json.back() == ',') json.pop_back();
  json.append("]");
}

}  // namespace millrace::edge
