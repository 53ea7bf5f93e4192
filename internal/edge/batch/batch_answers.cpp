#include "edge/batch/batch_answers.h"

#include "http/problem.h"
#include "message/json.h"

namespace millrace::edge {
namespace {

std::string counts(std::size_t accepted, std::size_t rejected, std::size_t unknown) {
  return ",\"accepted\":" + std::to_string(accepted) + ",\"rejected\":" + std::to_string(rejected) +
         ",\"unknown\":" + std::to_string(unknown);
}

// Ids of ours need no escapes.
void append_quoted(std::string& json, std::string_view id) {
  json.append("\"").append(id).append("\"");
}

void append_problem(std::string& json, const Status& why) {
  json.append(why.code() == Code::deadline ? "\"unknown\"" : "\"rejected\"");
  json.append(",\"code\":").append(std::to_string(http::http_status(why.code())));
  json.append(",\"retryable\":").append(why.retryable() ? "true" : "false");
  json.append(",\"error\":");
  append_json_string(json, bounded_reason(why.text()));
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
  if (others == 0) return all_accepted();
  if (accepted_ == 0) return none_accepted(request_id);
  std::string json = "{\"status\":\"partial\"" + counts(accepted_, rejected_, unknown_);
  append_entries(json);
  json.append("}");
  return http::Response::json(std::move(json), 207);
}

http::Response BatchAnswers::all_accepted() const {
  std::string json = "{\"status\":\"accepted\"" + counts(accepted_, 0, 0);
  json.reserve(json.size() + accepted_ * (PieceAnswer::kIdBytes + 3) + 32);
  json.append(",\"messageIds\":[");
  const char* separator = "";
  for (const auto& [first, piece] : pieces_) {
    for (std::size_t at = 0; at < piece.ids.size(); at += PieceAnswer::kIdBytes) {
      json.append(separator);
      append_quoted(json, std::string_view(piece.ids).substr(at, PieceAnswer::kIdBytes));
      separator = ",";
    }
  }
  json.append("]}");
  return http::Response::json(std::move(json));
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
  response.body.append(counts(0, rejected_, unknown_));
  append_entries(response.body);
  response.body.append("}");
  return response;
}

void BatchAnswers::append_entries(std::string& json) const {
  json.append(",\"results\":[");
  const char* separator = "";
  for (const auto& [first, piece] : pieces_) {
    std::size_t id_at = 0;
    auto problem = piece.problems.begin();
    for (std::size_t i = 0; i < piece.count; ++i) {
      json.append(separator).append("{\"index\":").append(std::to_string(first + i));
      json.append(",\"status\":");
      if (problem != piece.problems.end() && problem->at == i) {
        append_problem(json, problem++->why);
      } else {
        json.append("\"accepted\",\"messageId\":");
        append_quoted(json, std::string_view(piece.ids).substr(id_at, PieceAnswer::kIdBytes));
        id_at += PieceAnswer::kIdBytes;
      }
      json.append("}");
      separator = ",";
    }
  }
  json.append("]");
}

}  // namespace millrace::edge
