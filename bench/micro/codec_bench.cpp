// The edge's JSON and the wire's protobuf, beside the libraries under them and those people pick. A
// JSON contestant ends with the same three fields in strings of its own; only ours also checks
// their lengths. protobuf is used fresh, a message object for each, and reused.
#include <map>
#include <nlohmann/json.hpp>
#include <simdjson.h>
#include <string>
#include <string_view>

#include "contest.h"
#include "diplom/v1/diplom.pb.h"
#include "message/json.h"
#include "message/message.h"

namespace millrace::bench {
namespace {

// 121 bytes, the size the design's figures are for.
constexpr std::string_view kIngestBody =
    R"({"source":"sensor-42","data":"temperature=21.5;humidity=40.1;pressure=1013.","metadata":{"unit":"si","room":"lab-north"}})";
static_assert(kIngestBody.size() == 121);

template <class Code>
void each(const std::string& subject, const std::string& contestant, Code code) {
  contest(subject, contestant, [=](benchmark::State& state) mutable {
    for (auto _ : state) {
      auto made = code();
      benchmark::DoNotOptimize(made);
    }
    count_items(state, 1, "message");
  });
}

IngestFields with_nlohmann() {
  const auto body = nlohmann::json::parse(kIngestBody);
  return {body.at("source").get<std::string>(), body.at("data").get<std::string>(),
          body.at("metadata").get<std::map<std::string, std::string>>()};
}

std::string string_of(simdjson::simdjson_result<simdjson::dom::element> element) {
  return std::string(std::string_view(element));
}

IngestFields with_simdjson() {
  thread_local simdjson::dom::parser parser;
  const simdjson::dom::element body = parser.parse(kIngestBody.data(), kIngestBody.size());
  IngestFields fields{string_of(body["source"]), string_of(body["data"]), {}};
  for (const auto [key, value] : simdjson::dom::object(body["metadata"])) {
    fields.metadata.emplace(key, std::string_view(value));
  }
  return fields;
}

MessageFields some_fields() {
  MessageFields fields;
  fields.id = "0190163d-8694-739b-aea5-966c26f8ad90";
  fields.timestamp = 1'700'000'000;
  fields.source = "sensor-42";
  fields.payload = "temperature=21.5;humidity=40.1;pressure=1013.";
  fields.metadata = {{"unit", "si"}, {"room", "lab-north"}};
  return fields;
}

std::string serialize(diplom::v1::DataMessage& message, const MessageFields& fields) {
  message.set_id(fields.id);
  message.set_timestamp(fields.timestamp);
  message.set_source(fields.source);
  message.set_payload(fields.payload);
  for (const auto& [key, value] : fields.metadata) (*message.mutable_metadata())[key] = value;
  return message.SerializeAsString();
}

void enter_encoders() {
  each("encode protobuf", kOurs, [fields = some_fields()] { return Message::encode(fields); });
  each("encode protobuf", "protobuf, fresh", [fields = some_fields()] {
    diplom::v1::DataMessage message;
    return serialize(message, fields);
  });
  each("encode protobuf", "protobuf, reused",
       [fields = some_fields(), message = diplom::v1::DataMessage()]() mutable {
         message.Clear();
         return serialize(message, fields);
       });
}

// decode() takes the bytes over: a copy of them is part of its time, and of its rivals'.
void enter_decoders() {
  const std::string wire = Message::encode(some_fields()).wire();
  each("take in from the wire", kOurs, [wire] { return Message::decode(wire).has_value(); });
  each("take in from the wire", "protobuf, fresh", [wire] {
    const std::string copy = wire;
    diplom::v1::DataMessage message;
    return message.ParseFromString(copy);
  });
  each("take in from the wire", "protobuf, reused",
       [wire, message = diplom::v1::DataMessage()]() mutable {
         const std::string copy = wire;
         return message.ParseFromString(copy);
       });
}

void enter_worker_parsers() {
  const Message encoded = Message::encode(some_fields());
  each("parse for the handler", kOurs,
       [wire = encoded.wire(), message = diplom::v1::DataMessage()]() mutable {
         static const Message kept = Message::decode(wire).value();
         return kept.parse_into(message);
       });
  each("parse for the handler", "protobuf, fresh", [wire = encoded.wire()] {
    diplom::v1::DataMessage message;
    return message.ParseFromString(wire);
  });
}

}  // namespace

void register_contests() {
  each("parse JSON", kOurs, [] { return parse_ingest_json(kIngestBody).has_value(); });
  each("parse JSON", "simdjson", with_simdjson);
  each("parse JSON", "nlohmann", with_nlohmann);
  enter_encoders();
  enter_decoders();
  enter_worker_parsers();
}

}  // namespace millrace::bench
