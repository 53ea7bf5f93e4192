#include "message/utf8.h"

#include <simdjson.h>

namespace millrace {

namespace {

// Most texts are short and plain, and a call costs more than looking at them.
bool is_short_ascii(std::string_view text) {
  if (text.size() > 64) return false;
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

}  // namespace

bool is_utf8(std::string_view text) {
  return is_short_ascii(text) || simdjson::validate_utf8(text);
}

}  // namespace millrace
