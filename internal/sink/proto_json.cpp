#include "sink/proto_json.h"

#include <google/protobuf/util/json_util.h>

namespace millrace::sink {

Status append_proto_json(std::string& out, const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return {Code::internal,
            "no JSON form of a " + message.GetTypeName() + ": " + status.message().ToString()};
  }
  out += json;
  return {};
}

Status parse_proto_json(const std::string& json, google::protobuf::Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (status.ok()) return {};
  return {Code::invalid, "not the JSON of a " + message.GetTypeName()};
}

}  // namespace millrace::sink
