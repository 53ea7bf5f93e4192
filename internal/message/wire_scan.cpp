#include "message/wire_scan.h"

#include <cstdint>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "diplom/v1/diplom.pb.h"
#include "message/utf8.h"

namespace millrace {
namespace {

using diplom::v1::DataMessage;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// A map entry is a message of its own.
constexpr int kMapKey = 1;
constexpr int kMapValue = 2;

constexpr std::uint32_t tag(int field, WireFormatLite::WireType type) {
  return WireFormatLite::MakeTag(field, type);
}
constexpr std::uint32_t bytes_tag(int field) {
  return tag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

class Scanner {
 public:
  explicit Scanner(std::string_view wire)
      : wire_(wire),
        input_(reinterpret_cast<const std::uint8_t*>(wire.data()), static_cast<int>(wire.size())) {}

  // Of fields that are there more than once, the last counts.
  std::optional<ScannedMessage> message() {
    while (const std::uint32_t next = next_tag()) {
      if (!field(next)) return std::nullopt;
    }
    if (!input_.ConsumedEntireMessage()) return std::nullopt;
    return found_;
  }

 private:
  bool field(std::uint32_t next) {
    switch (next) {
      case bytes_tag(DataMessage::kIdFieldNumber):
        return text(found_.id);
      case bytes_tag(DataMessage::kSourceFieldNumber):
        return text(found_.source);
      case bytes_tag(DataMessage::kMetadataFieldNumber):
        return entry();
      case bytes_tag(DataMessage::kPayloadFieldNumber):
        return skip_bytes();
      case tag(DataMessage::kTimestampFieldNumber, WireFormatLite::WIRETYPE_VARINT):
        return WireFormatLite::SkipField(&input_, next);
      default:
        return skip_unknown(next);
    }
  }

  bool skip_unknown(std::uint32_t next) {
    found_.unusual = true;
    return WireFormatLite::SkipField(&input_, next);
  }

  std::uint32_t next_tag() {
    const int begin = input_.CurrentPosition();
    const std::uint32_t next = input_.ReadTag();
    note_length_since(begin);
    return next;
  }

  // Of what follows, all of which must be there.
  bool length(int& out) {
    const int begin = input_.CurrentPosition();
    const bool good = input_.ReadVarintSizeAsInt(&out) && out <= input_.BytesUntilLimit();
    note_length_since(begin);
    return good;
  }

  // The generated parser takes tags and lengths of at most 5 bytes, this stream of 10.
  void note_length_since(int begin) {
    constexpr int kVarint32BytesMax = 5;
    if (input_.CurrentPosition() - begin > kVarint32BytesMax) found_.unusual = true;
  }

  bool skip_bytes() {
    int size = 0;
    return length(size) && input_.Skip(size);
  }

  bool text(std::string_view& out) {
    int size = 0;
    if (!length(size)) return false;
    const auto begin = static_cast<std::size_t>(input_.CurrentPosition());
    if (!input_.Skip(size)) return false;
    out = wire_.substr(begin, static_cast<std::size_t>(size));
    return is_utf8(out);
  }

  bool entry() {
    int size = 0;
    if (!length(size)) return false;
    const auto limit = input_.PushLimit(size);
    std::string_view ignored;
    while (const std::uint32_t next = next_tag()) {
      const bool known = next == bytes_tag(kMapKey) || next == bytes_tag(kMapValue);
      if (!(known ? text(ignored) : skip_unknown(next))) return false;
    }
    // Its own end, and not that of the whole before it.
    const bool whole = input_.ConsumedEntireMessage() && input_.BytesUntilLimit() == 0;
    input_.PopLimit(limit);
    return whole;
  }

  const std::string_view wire_;
  CodedInputStream input_;
  ScannedMessage found_;
};

}  // namespace

std::optional<ScannedMessage> scan_message(std::string_view wire) {
  return Scanner(wire).message();
}

}  // namespace millrace
