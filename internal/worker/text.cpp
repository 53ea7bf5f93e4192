#include "worker/text.h"

#include "message/utf8.h"

namespace millrace::worker {
namespace {

bool continues_a_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80; }

}  // namespace

std::string bounded_text(std::string_view text) {
  constexpr std::string_view kCut = "...";
  std::string out;
  if (text.size() > kReasonBytesMax) {
    std::size_t end = kReasonBytesMax - kCut.size();
    while (end > 0 && continues_a_character(text[end])) --end;
    out = std::string(text.substr(0, end)) + std::string(kCut);
  } else {
    out = text;
  }
  if (!is_utf8(out)) {
    for (char& byte : out) {
      if (static_cast<unsigned char>(byte) >= 0x80) byte = '?';
    }
  }
  return out;
}

}  // namespace millrace::worker
