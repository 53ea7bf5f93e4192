// An event as it travels: the bytes of its diplom.v1.DataMessage, encoded once at the edge and
// moved unchanged over every hop, with its id and source readable without decoding.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace diplom::v1 {
class DataMessage;
}

namespace millrace {

// What a message is made of; the text fields are UTF-8.
struct MessageFields {
  std::string id;              // 1 to 128 bytes; a UUID when we gave it
  std::int64_t timestamp = 0;  // Unix seconds
  std::string source;          // 1 to 256 bytes
  std::string payload;         // any bytes
  std::map<std::string, std::string> metadata;
};

inline constexpr std::size_t kIdBytesMax = 128;
inline constexpr std::size_t kSourceBytesMax = 256;

// Immutable once made; cheap to move. A moved-from message may only be assigned to or destroyed.
class Message {
 public:
  // An empty message: no id, no bytes.
  Message() = default;

  // Encodes. Requires fields that validate() accepts.
  static Message encode(const MessageFields& fields);

  // Takes encoded bytes from outside. Code::invalid when they aren't a DataMessage, Code::rejected
  // when a field isn't allowed.
  static Result<Message> decode(std::string wire);

  [[nodiscard]] std::string_view id() const { return view(id_); }
  [[nodiscard]] std::string_view source() const { return view(source_); }

  // Not 0: a dead letter that is put into a queue again, as often as this number is another. A
  // queue or a worker that drops repeated ids takes the id and this together. It isn't part of the
  // encoded message.
  [[nodiscard]] std::uint64_t replay() const { return replay_; }
  void set_replay(std::uint64_t replay) { replay_ = replay; }

  // The encoded DataMessage.
  [[nodiscard]] const std::string& wire() const { return wire_; }
  [[nodiscard]] std::string take_wire() && { return std::move(wire_); }

  // Bytes it counts for where bytes are bounded.
  [[nodiscard]] std::size_t size() const { return wire_.size(); }

  // Parses into `out`, which a worker reuses to spare the allocations.
  [[nodiscard]] bool parse_into(diplom::v1::DataMessage& out) const;

 private:
  struct Span {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };

  [[nodiscard]] std::string_view view(Span span) const {
    return std::string_view(wire_).substr(span.offset, span.size);
  }

  std::string wire_;
  Span id_;
  Span source_;
  std::uint64_t replay_ = 0;
};

// Ok, or Code::rejected naming the field that isn't allowed.
Status validate(const MessageFields& fields);

// Milliseconds since the message was accepted, from its id when that is a UUIDv7, otherwise from
// its timestamp (whole seconds). Never negative.
std::int64_t age_ms(std::string_view id, std::int64_t timestamp_s, std::int64_t now_unix_ms);

}  // namespace millrace
