// The JSON bodies of POST /ingest and POST /enqueue. What is accepted must mean the same to a
// second parser, and must come back the same after being written and read again.
#include <google/protobuf/stubs/strutil.h>
#include <map>
#include <nlohmann/json.hpp>

#include "diplom/v1/diplom.pb.h"
#include "message/json.h"
#include "require.h"

namespace millrace::fuzz {
namespace {

using Metadata = std::map<std::string, std::string>;

void append_member(std::string& out, std::string_view name, std::string_view value) {
  append_json_string(out, name);
  out += ':';
  append_json_string(out, value);
}

void append_metadata(std::string& out, const Metadata& metadata) {
  out += R"("metadata":{)";
  bool first = true;
  for (const auto& [key, value] : metadata) {
    if (!first) out += ',';
    first = false;
    append_member(out, key, value);
  }
  out += '}';
}

std::string written(const IngestFields& fields) {
  std::string out = "{";
  append_member(out, "source", fields.source);
  out += ',';
  append_member(out, "data", fields.data);
  out += ',';
  append_metadata(out, fields.metadata);
  return out + '}';
}

std::string written(const diplom::v1::DataMessage& message) {
  std::string payload;
  google::protobuf::Base64Escape(message.payload(), &payload);
  std::string out = "{";
  append_member(out, "id", message.id());
  out += ",\"timestamp\":" + std::to_string(message.timestamp()) + ',';
  append_member(out, "source", message.source());
  out += ',';
  append_member(out, "payload", payload);
  out += ',';
  append_metadata(out, {message.metadata().begin(), message.metadata().end()});
  return out + '}';
}

void check_error(const Status& status) {
  require(status.code() == Code::invalid || status.code() == Code::rejected, "a refusal's code");
  require(!status.text().empty() && status.text().size() < 1000, "a refusal's text is bounded");
}

void check_ingest(std::string_view body) {
  const auto fields = parse_ingest_json(body);
  if (!fields) return check_error(fields.error());
  const auto oracle = nlohmann::json::parse(body, nullptr, false);
  require(!oracle.is_discarded(), "what is accepted is JSON to a second parser");
  require(oracle.at("source") == fields->source, "source means the same to a second parser");
  require(oracle.at("data") == fields->data, "data means the same to a second parser");
  require(oracle.value("metadata", Metadata()) == fields->metadata,
          "metadata means the same to a second parser");

  const auto again = parse_ingest_json(written(*fields));
  require(again.has_value(), "what was accepted is accepted again");
  require(again->source == fields->source && again->data == fields->data &&
              again->metadata == fields->metadata,
          "fields come back the same");
}

void check_enqueue(std::string_view body) {
  const auto message = parse_enqueue_json(body);
  if (!message) return check_error(message.error());
  diplom::v1::DataMessage parsed;
  require(message->parse_into(parsed), "an accepted message parses");
  require(parsed.id() == message->id() && parsed.source() == message->source(), "id and source");
  const auto again = parse_enqueue_json(written(parsed));
  require(again.has_value(), "what was accepted is accepted again");
  require(again->wire() == message->wire(), "the encoded bytes come back the same");
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = millrace::fuzz::as_text(data, size);
  millrace::fuzz::check_ingest(body);
  millrace::fuzz::check_enqueue(body);
  return 0;
}
