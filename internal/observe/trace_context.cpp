#include "observe/trace_context.h"

#include <algorithm>

#include "base/uuid.h"

namespace millrace::observe {
namespace {

// version "-" trace-id "-" parent-id "-" flags
constexpr std::size_t kTraceIdAt = 3;
constexpr std::size_t kTraceIdSize = 32;
constexpr std::size_t kParentIdAt = 36;
constexpr std::size_t kParentIdSize = 16;
constexpr std::size_t kSize = 55;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

bool is_valid(std::string_view text) {
  // A later version may go on after another dash; of version 00 this is all.
  if (text.size() < kSize ||
      (text.size() > kSize && (text.starts_with("00") || text[kSize] != '-'))) {
    return false;
  }
  const auto trace = text.substr(kTraceIdAt, kTraceIdSize);
  const auto parent = text.substr(kParentIdAt, kParentIdSize);
  return text[2] == '-' && text[35] == '-' && text[52] == '-' && is_hex(text.substr(0, 2)) &&
         !text.starts_with("ff") && is_hex(trace) && !is_zero(trace) && is_hex(parent) &&
         !is_zero(parent) && is_hex(text.substr(53, 2));
}

// The last 16 digits of a UUIDv7, which are random but for two bits.
std::string new_parent_id() {
  const std::string id = Uuid::v7().text();
  return id.substr(19, 4) + id.substr(24, 12);
}

}  // namespace

std::optional<std::string> continue_trace(std::string_view traceparent) {
  if (!is_valid(traceparent)) return std::nullopt;
  std::string own = "00-";
  own.append(trace_id(traceparent)).append("-").append(new_parent_id()).append("-");
  return own.append(traceparent.substr(53, 2));
}

std::string_view trace_id(std::string_view traceparent) {
  return traceparent.substr(kTraceIdAt, kTraceIdSize);
}

}  // namespace millrace::observe
