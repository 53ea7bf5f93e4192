#include "message/json.h"

#include <charconv>
#include <google/protobuf/stubs/strutil.h>
#include <optional>
#include <set>
#include <simdjson.h>
#include <system_error>
#include <utility>

#include "message/field_check.h"
#include "message/json_error.h"

namespace millrace {
namespace {

namespace dom = simdjson::dom;

using Element = std::optional<dom::element>;
using Metadata = std::map<std::string, std::string>;

// A thread keeps its parser only up to this: its buffers are about 14 times the body.
constexpr std::size_t kKeptBytesMax = std::size_t{64} * 1024;

constexpr std::size_t kNestingMax = 1024;

// A body's tree. What is taken out of it are views: they end with it.
class Document {
 public:
  Document() = default;
  ~Document() {
    if (parser().capacity() > kKeptBytesMax) parser() = dom::parser();
  }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  Result<dom::object> parse(std::string_view body) {
    dom::element root;
    const auto error = parser().parse(body.data(), body.size()).get(root);
    if (error != simdjson::SUCCESS) return describe(error, body);
    dom::object object;
    if (root.get(object) != simdjson::SUCCESS) {
      return Status(Code::rejected, "body: must be a JSON object");
    }
    return object;
  }

 private:
  // One per thread, for its buffers.
  static dom::parser& parser() {
    thread_local dom::parser reused;
    return reused;
  }

  static Status describe(simdjson::error_code error, std::string_view body) {
    switch (error) {
      case simdjson::EMPTY:
        return {Code::invalid, "empty body: expected a JSON object"};
      case simdjson::DEPTH_ERROR:
        return {Code::invalid,
                "nested too deep: at most " + std::to_string(kNestingMax) + " levels"};
      case simdjson::MEMALLOC:
        return {Code::internal, "out of memory"};
      default:
        return json_error(body, simdjson::error_message(error));
    }
  }
};
static_assert(simdjson::DEFAULT_MAX_DEPTH == kNestingMax);

Status rejected(std::string_view field, std::string_view why) {
  return {Code::rejected, std::string(field) + ": " + std::string(why)};
}

Status take_string(std::string_view name, const Element& element, std::string& out) {
  if (!element) return rejected(name, "is missing");
  std::string_view text;
  if (element->get(text) != simdjson::SUCCESS) return rejected(name, "must be a string");
  out = text;
  return {};
}

Status take_source(const Element& element, std::string& out) {
  if (Status status = take_string("source", element, out); !status.ok()) return status;
  return check_size("source", out, kSourceBytesMax);  // the parser has seen to its being UTF-8
}

// A key as a client may read it back: one line, escaped, not too long, never half a character.
std::string shown(std::string_view key) {
  constexpr std::size_t kShownBytesMax = 64;
  if (key.size() > kShownBytesMax) {
    std::size_t end = kShownBytesMax;
    while (end > 0 && (static_cast<unsigned char>(key[end]) & 0xc0U) == 0x80U) --end;
    key = key.substr(0, end);
  }
  std::string quoted;
  append_json_string(quoted, key);
  return quoted.substr(1, quoted.size() - 2);
}

Status take_metadata(const Element& element, Metadata& out) {
  if (!element) return {};
  dom::object object;
  if (element->get(object) != simdjson::SUCCESS) {
    return rejected("metadata", "must be an object of strings");
  }
  std::set<std::string_view> wrong;  // until the same key comes again with a string
  for (const auto [key, value] : object) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) {
      wrong.insert(key);
      continue;
    }
    if (!wrong.empty()) wrong.erase(key);
    out.insert_or_assign(std::string(key), std::string(text));
  }
  if (wrong.empty()) return {};
  return rejected("metadata." + shown(*wrong.begin()), "must be a string");
}

// A number, or a string of digits: protobuf's JSON form writes 64-bit integers as strings.
Status take_timestamp(const Element& element, std::int64_t& out) {
  if (!element) return rejected("timestamp", "is missing");
  if (element->get(out) == simdjson::SUCCESS) return {};
  std::string_view text;
  if (element->get(text) == simdjson::SUCCESS) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, out);
    if (error == std::errc() && at == end) return {};
  }
  return rejected("timestamp", "must be Unix seconds, an integer of at most 64 bits");
}

// Whole groups of four, padded with '=' to the last: protobuf's decoder alone would let more pass.
bool is_base64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  if (text.ends_with("==")) {
    text.remove_suffix(2);
  } else if (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  return text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
         std::string_view::npos;
}

Status take_payload(const Element& element, std::string& out) {
  std::string text;
  if (Status status = take_string("payload", element, text); !status.ok()) return status;
  if (text.empty()) return {};
  if (is_base64(text) && google::protobuf::Base64Unescape(text, &out)) return {};
  return rejected("payload", "must be base64: the standard alphabet, padded");
}

}  // namespace

Result<IngestFields> parse_ingest_json(std::string_view body) {
  Document document;
  const auto object = document.parse(body);
  if (!object) return object.error();
  Element source;
  Element data;
  Element metadata;
  for (const auto [key, value] : *object) {
    if (key == "source") source = value;
    if (key == "data") data = value;
    if (key == "metadata") metadata = value;
  }
  IngestFields fields;
  if (Status status = take_source(source, fields.source); !status.ok()) return status;
  if (Status status = take_string("data", data, fields.data); !status.ok()) return status;
  if (Status status = take_metadata(metadata, fields.metadata); !status.ok()) return status;
  return fields;
}

Result<Message> parse_enqueue_json(std::string_view body) {
  Document document;
  const auto object = document.parse(body);
  if (!object) return object.error();
  Element id;
  Element timestamp;
  Element source;
  Element payload;
  Element metadata;
  for (const auto [key, value] : *object) {
    if (key == "id") id = value;
    if (key == "timestamp") timestamp = value;
    if (key == "source") source = value;
    if (key == "payload") payload = value;
    if (key == "metadata") metadata = value;
  }
  MessageFields fields;
  if (Status status = take_string("id", id, fields.id); !status.ok()) return status;
  if (Status status = check_text("id", fields.id, kIdBytesMax); !status.ok()) return status;
  if (Status status = take_timestamp(timestamp, fields.timestamp); !status.ok()) return status;
  if (Status status = take_source(source, fields.source); !status.ok()) return status;
  if (Status status = take_payload(payload, fields.payload); !status.ok()) return status;
  if (Status status = take_metadata(metadata, fields.metadata); !status.ok()) return status;
  return Message::encode(fields);
}

}  // namespace millrace
