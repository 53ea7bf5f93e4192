#include "worker/letter_json.h"

#include <google/protobuf/wrappers.pb.h>
#include <nlohmann/json.hpp>

#include "base/utc.h"
#include "diplom/v1/diplom.pb.h"
#include "message/json.h"
#include "sink/proto_json.h"

namespace millrace::worker {
namespace {

// How a line that takes letters off the list begins: no letter does.
constexpr std::string_view kReplayed = R"({"replayed":)";

void append_message(std::string& out, std::string_view bytes) {
  diplom::v1::DataMessage decoded;
  const std::size_t before = out.size();
  out += R"("message":)";
  if (decoded.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
      sink::append_proto_json(out, decoded).ok()) {
    return;
  }
  out.resize(before);
  google::protobuf::BytesValue wire;  // its JSON form is the base64 text
  wire.set_value(std::string(bytes));
  out += R"("wire":)";
  static_cast<void>(sink::append_proto_json(out, wire));
}

// The bytes of "message" or "wire"; nothing when there is neither.
std::optional<std::string> wire_of(const nlohmann::json& line) {
  if (const auto message = line.find("message"); message != line.end()) {
    diplom::v1::DataMessage decoded;
    if (!sink::parse_proto_json(message->dump(), decoded).ok()) return std::nullopt;
    return decoded.SerializeAsString();
  }
  google::protobuf::BytesValue bytes;
  const auto wire = line.find("wire");
  if (wire == line.end() || !sink::parse_proto_json(wire->dump(), bytes).ok()) return std::nullopt;
  return bytes.value();
}

}  // namespace

void append_letter_line(std::string& out, const queue::DeadLetter& letter, std::int64_t now_ms) {
  out += R"({"id":)";
  append_json_string(out, letter.id);
  out += R"(,"source":)";
  append_json_string(out, letter.source);
  out += R"(,"reason":)";
  append_json_string(out, letter.reason);
  out += R"(,"attempts":)" + std::to_string(letter.attempts);
  out += R"(,"dead_lettered_at":")" + utc_text(now_ms) + R"(",)";
  append_message(out, letter.wire);
  out += "}\n";
}

void append_replayed_line(std::string& out, std::span<const std::string> keys,
                          std::int64_t now_ms) {
  out += kReplayed;
  out += nlohmann::json(std::vector(keys.begin(), keys.end())).dump();
  out += R"(,"at":")" + utc_text(now_ms) + "\"}\n";
}

std::optional<queue::KeptLetter> parse_letter_line(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  queue::KeptLetter letter;
  try {
    letter.id = json.at("id").get<std::string>();
    letter.source = json.at("source").get<std::string>();
    letter.reason = json.at("reason").get<std::string>();
    letter.attempts = json.at("attempts").get<std::uint32_t>();
    letter.dead_lettered_ms = unix_ms_of(json.at("dead_lettered_at").get<std::string>());
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  auto wire = wire_of(json);
  if (!wire) return std::nullopt;
  letter.wire = std::move(*wire);
  return letter;
}

std::optional<std::vector<std::string>> parse_replayed_line(std::string_view line) {
  if (!line.starts_with(kReplayed)) return std::nullopt;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    return json.at("replayed").get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace millrace::worker
