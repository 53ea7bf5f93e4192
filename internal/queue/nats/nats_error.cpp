#include "queue/nats/nats_error.h"

#include <string_view>

namespace millrace::queue {

std::string nats_text(natsStatus status, jsErrCode code) {
  std::string text = natsStatus_GetText(status);
  natsStatus last = NATS_OK;
  const char* const more = nats_GetLastError(&last);
  if (more != nullptr && last == status) {
    std::string_view words(more);  // "(conn.c:123): words"
    if (const std::size_t end = words.find("): "); words.starts_with('(') && end != words.npos) {
      words.remove_prefix(end + 3);
    }
    if (words != text) text.append(": ").append(words);
  }
  if (code != 0) text.append(" (").append(std::to_string(code)).append(")");
  return text;
}

Status nats_refusal(const jsPubAckErr& error) {
  const std::string text = error.ErrText != nullptr ? error.ErrText : "no reason given";
  if (error.Err == NATS_NO_RESPONDERS) return {Code::unavailable, "nats: no stream takes it"};
  if (error.ErrCode == 0) return {};
  if (error.ErrCode == JSStreamMessageExceedsMaximumErr) {
    return {Code::too_large, "nats: " + text};
  }
  // The server has one code for all that a stream's limits refuse.
  if (text.find("maximum") != std::string::npos) return {Code::full, "nats: " + text};
  return {Code::unavailable, "nats: " + text};
}

}  // namespace millrace::queue
