// What the tests of this room share.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "message/json.h"

namespace millrace {

// For Catch, which prints what differs.
inline std::ostream& operator<<(std::ostream& out, const Status& status) {
  return out << to_string(status);
}

inline Status ingest_status(const std::string& body) {
  const auto result = parse_ingest_json(body);
  return result ? Status() : result.error();
}

inline Status enqueue_status(const std::string& body) {
  const auto result = parse_enqueue_json(body);
  return result ? Status() : result.error();
}

inline Status rejected(const std::string& text) { return {Code::rejected, text}; }
inline Status invalid(const std::string& text) { return {Code::invalid, text}; }

inline std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

inline std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace millrace
