#include "message/message.h"

#include <algorithm>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/wire_format_lite.h>
#include <limits>
#include <utility>

#include "base/uuid.h"
#include "diplom/v1/diplom.pb.h"
#include "message/field_check.h"
#include "message/utf8.h"
#include "message/wire_scan.h"

namespace millrace {
namespace {

using diplom::v1::DataMessage;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

// Protobuf's own bound, and what a Span can address.
constexpr std::size_t kWireBytesMax = std::numeric_limits<std::int32_t>::max();

// A map entry is a message of its own: key = 1, value = 2, both always written.
constexpr int kMapKey = 1;
constexpr int kMapValue = 2;
constexpr std::size_t kTagBytes = 1;  // all field numbers are below 16

std::size_t field_bytes(std::string_view value) {
  return kTagBytes + CodedOutputStream::VarintSize64(value.size()) + value.size();
}

std::size_t entry_bytes(std::string_view key, std::string_view value) {
  return field_bytes(key) + field_bytes(value);
}

std::size_t encoded_bytes(const MessageFields& fields) {
  std::size_t bytes = field_bytes(fields.id) + field_bytes(fields.source);
  if (fields.timestamp != 0) {
    bytes +=
        kTagBytes + CodedOutputStream::VarintSize64(static_cast<std::uint64_t>(fields.timestamp));
  }
  if (!fields.payload.empty()) bytes += field_bytes(fields.payload);
  for (const auto& [key, value] : fields.metadata) {
    const std::size_t entry = entry_bytes(key, value);
    bytes += kTagBytes + CodedOutputStream::VarintSize64(entry) + entry;
  }
  return bytes;
}

// Writes fields one after the other into a string that was made large enough.
class Writer {
 public:
  explicit Writer(std::string& out)
      : begin_(reinterpret_cast<std::uint8_t*>(out.data())), at_(begin_) {}

  void bytes(int field, const std::string& value) {
    at_ = WireFormatLite::WriteBytesToArray(field, value, at_);
  }
  void int64(int field, std::int64_t value) {
    at_ = WireFormatLite::WriteInt64ToArray(field, value, at_);
  }
  void entry(int field, const std::string& key, const std::string& value) {
    at_ = WireFormatLite::WriteTagToArray(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, at_);
    const std::size_t size = entry_bytes(key, value);
    at_ = CodedOutputStream::WriteVarint64ToArray(size, at_);
    bytes(kMapKey, key);
    bytes(kMapValue, value);
  }
  [[nodiscard]] std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  std::uint8_t* begin_;
  std::uint8_t* at_;
};

// Protobuf prints a line of its own on stderr for text that isn't UTF-8. We answer it instead; the
// log is JSON lines, and nobody outside may write to it at will. Set before main(): the handler is
// a global without a lock.
[[maybe_unused]] const auto kProtobufLog = google::protobuf::SetLogHandler(nullptr);

}  // namespace

Message Message::encode(const MessageFields& fields) {
  Message message;
  message.wire_.resize(encoded_bytes(fields));
  const auto last = [](const Writer& writer, const std::string& value) {
    return Span{static_cast<std::uint32_t>(writer.offset() - value.size()),
                static_cast<std::uint32_t>(value.size())};
  };
  Writer writer(message.wire_);
  writer.bytes(DataMessage::kIdFieldNumber, fields.id);
  message.id_ = last(writer, fields.id);
  if (fields.timestamp != 0) writer.int64(DataMessage::kTimestampFieldNumber, fields.timestamp);
  writer.bytes(DataMessage::kSourceFieldNumber, fields.source);
  message.source_ = last(writer, fields.source);
  if (!fields.payload.empty()) writer.bytes(DataMessage::kPayloadFieldNumber, fields.payload);
  for (const auto& [key, value] : fields.metadata) {
    writer.entry(DataMessage::kMetadataFieldNumber, key, value);
  }
  return message;
}

Result<Message> Message::decode(std::string wire) {
  if (wire.size() > kWireBytesMax) {
    return Status(Code::too_large, "body: must be at most 2 GiB");
  }
  const auto found = scan_message(wire);
  if (!found || (found->unusual && !DataMessage().ParseFromString(wire))) {
    return Status(Code::invalid,
                  "body: not a diplom.v1.DataMessage: malformed protobuf, or a text field that "
                  "isn't valid UTF-8");
  }
  if (Status bad = check_size("id", found->id, kIdBytesMax); !bad.ok()) return bad;
  if (Status bad = check_size("source", found->source, kSourceBytesMax); !bad.ok()) return bad;
  const auto span_of = [&wire](std::string_view part) {
    return Span{static_cast<std::uint32_t>(part.data() - wire.data()),
                static_cast<std::uint32_t>(part.size())};
  };
  Message message;
  message.id_ = span_of(found->id);
  message.source_ = span_of(found->source);
  message.wire_ = std::move(wire);
  return message;
}

bool Message::parse_into(DataMessage& out) const { return out.ParseFromString(wire_); }

Status validate(const MessageFields& fields) {
  if (Status bad = check_text("id", fields.id, kIdBytesMax); !bad.ok()) return bad;
  if (Status bad = check_text("source", fields.source, kSourceBytesMax); !bad.ok()) return bad;
  for (const auto& [key, value] : fields.metadata) {
    if (!is_utf8(key) || !is_utf8(value)) {
      return {Code::rejected, "metadata: keys and values must be valid UTF-8"};
    }
  }
  return {};
}

std::int64_t age_ms(std::string_view id, std::int64_t timestamp_s, std::int64_t now_unix_ms) {
  if (const auto made_ms = Uuid::unix_ms_of(id)) {
    return std::max<std::int64_t>(0, now_unix_ms - *made_ms);
  }
  // Clamped first: a timestamp comes from outside, and its milliseconds may not fit.
  const std::int64_t made_s =
      std::clamp<std::int64_t>(timestamp_s, 0, std::max<std::int64_t>(0, now_unix_ms / 1000));
  return std::max<std::int64_t>(0, now_unix_ms - made_s * 1000);
}

}  // namespace millrace
