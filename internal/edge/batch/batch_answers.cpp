#include "edge/batch/batch_answers.h"

#include "http/problem.h"
#include "message/json.h"

namespace millrace::edge {
namespace {

// Of the sentence that says what is wrong with one of thousands.
constexpr std::size_t kErrorBytesMax = 256;

std::string head(const char* status, std::size_t accepted, std::size_t rejected) {
  return std::string("{\"status\":\"") + status + "\",\"accepted\":" + std::to_string(accepted) +
         ",\"rejected\":" + std::to_string(rejected);
}

// Ids of ours need no escapes.
void append_quoted(std::string& json, std::string_view id) {
  json.append("\"").append(id).append("\"");
}

// A cut may not fall into a character.
std::string_view bounded(std::string_view text) {
  if (text.size() <= kErrorBytesMax) return text;
  std::size_t end = kErrorBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

void append_problem(std::string& json, const Status& why) {
  json.append(why.code() == Code::deadline ? "\"unknown\"" : "\"rejected\"");
  json.append(",\"code\":").append(std::to_string(http::http_status(why.code())));
  json.append(",\"retryable\":").append(why.retryable() ? "true" : "false");
  json.append(",\"error\":");
  append_json_string(json, bounded(why.text()));
}

}  // namespace

void BatchAnswers::add(std::uint64_t first, PieceAnswer answer) {
  accepted_ += answer.accepted();
  rejected_ += answer.problems.size();
  pieces_.emplace(first, std::move(answer));
}

http::Response BatchAnswers::response(std::string_view request_id) const {
  if (accepted_ + rejected_ == 0) {
    return http::problem(400, "the batch has no message in it", request_id);
  }
  if (rejected_ == 0) return all_accepted();
  if (accepted_ == 0) return none_accepted(request_id);
  std::string json = head("partial", accepted_, rejected_);
  append_entries(json);
  json.append("}");
  return http::Response::json(std::move(json), 207);
}

http::Response BatchAnswers::all_accepted() const {
  std::string json = head("accepted", accepted_, 0);
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

http::Response BatchAnswers::none_accepted(std::string_view request_id) const {
  const Status* chosen = nullptr;
  for (const auto& [first, piece] : pieces_) {
    for (const PieceProblem& problem : piece.problems) {
      const bool better = chosen == nullptr || (problem.why.retryable() && !chosen->retryable());
      if (better) chosen = &problem.why;
    }
  }
  const std::string text = "none of the batch's " + std::to_string(rejected_) +
                           " messages was accepted; one of them: " + chosen->text();
  http::Response response = http::problem(Status(chosen->code(), text), request_id);
  response.body.pop_back();  // its closing brace
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
