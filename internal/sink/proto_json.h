// Protobuf's JSON form as our files have it: on one line, with the proto field names, and with
// every field, set or not, so that each line has the same keys.
#pragma once

#include <string>

#include "base/status.h"

namespace google::protobuf {
class Message;
}

namespace millrace::sink {

// Appends; on failure (Code::internal) `out` is as it was. Bytes become base64, 64-bit integers
// text.
Status append_proto_json(std::string& out, const google::protobuf::Message& message);

// Reads what append_proto_json() wrote. Code::invalid when it isn't the JSON form of such a
// message.
Status parse_proto_json(const std::string& json, google::protobuf::Message& message);

}  // namespace millrace::sink
