// The JSON bodies of the contract. Strict about what RFC 8259 calls JSON and about UTF-8; unknown
// fields are ignored; of a repeated key the last one counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "message/message.h"

namespace millrace {

// The body of POST /ingest, before it has an id.
struct IngestFields {
  std::string source;
  std::string data;
  std::map<std::string, std::string> metadata;
};

// Code::invalid for what isn't JSON, with line, column and byte offset in the text; Code::rejected
// naming the field when one is missing or of the wrong type. Thread-safe.
Result<IngestFields> parse_ingest_json(std::string_view body);

// The body of POST /enqueue: {"id","timestamp","source","payload","metadata"}. `payload` is base64,
// as protobuf's JSON form (and the original) have bytes. Errors as above.
Result<Message> parse_enqueue_json(std::string_view body);

// Appends `text` as a JSON string, quoted. `text` should be UTF-8; what isn't is replaced by
// U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace millrace
