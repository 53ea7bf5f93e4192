#include "worker/file_dead_letters.h"

#include <cstdio>
#include <ctime>
#include <google/protobuf/wrappers.pb.h>

#include "diplom/v1/diplom.pb.h"
#include "message/json.h"
#include "sink/proto_json.h"

namespace millrace::worker {
namespace {

// RFC 3339 in UTC, with milliseconds.
std::string utc_text(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  char text[48];
  std::snprintf(text, sizeof text, "%s.%03dZ", date, static_cast<int>(unix_ms % 1000));
  return text;
}

void append_message(std::string& out, std::string_view bytes) {
  diplom::v1::DataMessage decoded;
  const std::size_t before = out.size();
  out += R"("message":)";
  if (decoded.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
      sink::append_proto_json(out, decoded).ok())
    return;
  out.resize(before);
  google::protobuf::BytesValue wire;  // its JSON form is the base64 text
  wire.set_value(std::string(bytes));
  out += R"("wire":)";
  static_cast<void>(sink::append_proto_json(out, wire));
}

void append_line(std::string& out, const queue::DeadLetter& letter, const std::string& now) {
  out += R"({"id":)";
  append_json_string(out, letter.id);
  out += R"(,"source":)";
  append_json_string(out, letter.source);
  out += R"(,"reason":)";
  append_json_string(out, letter.reason);
  out += R"(,"attempts":)" + std::to_string(letter.attempts);
  out += R"(,"dead_lettered_at":")" + now + R"(",)";
  append_message(out, letter.wire);
  out += "}\n";
}

}  // namespace

Status FileDeadLetters::write(std::span<const queue::DeadLetter> letters) {
  const std::string now = utc_text(clock_.unix_ms());
  std::string lines;
  for (const queue::DeadLetter& letter : letters) append_line(lines, letter, now);
  return file_.append(lines);
}

Result<queue::DeadLetterPage> FileDeadLetters::list(std::string_view /*after*/,
                                                    std::size_t /*max*/) {
  return Status(Code::unavailable, "not yet");
}

Status FileDeadLetters::mark_replayed(std::span<const std::string> /*keys*/) {
  return {Code::unavailable, "not yet"};
}

}  // namespace millrace::worker
