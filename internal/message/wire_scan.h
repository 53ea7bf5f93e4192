// What the bytes of a DataMessage say, without making one of them.
#pragma once

#include <optional>
#include <string_view>

namespace millrace {

struct ScannedMessage {
  std::string_view id;  // empty when there is none
  std::string_view source;
  // It has fields that a DataMessage doesn't, or numbers in more bytes than they need. Of those
  // protobuf refuses some that pass here: it must be asked.
  bool unusual = false;
};

// The fields of `wire` as protobuf would read them, views into it; nothing when it wouldn't parse
// it as a diplom.v1.DataMessage. Thread-safe; at most 2 GiB - 1.
std::optional<ScannedMessage> scan_message(std::string_view wire);

}  // namespace millrace
