#include "config/values.h"

#include <algorithm>
#include <charconv>
#include <sys/socket.h>

#include "base/http_url.h"

namespace millrace::config {
namespace {

constexpr std::size_t kUrlsMax = 64;
constexpr std::size_t kPathBytesMax = 4095;

}  // namespace

bool is_control(char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::uint64_t unit_ms = 1000;
  if (text.ends_with("ms")) {
    unit_ms = 1;
    text.remove_suffix(2);
  } else if (text.ends_with('s')) {
    text.remove_suffix(1);
  } else if (text.ends_with('m')) {
    unit_ms = 60'000;
    text.remove_suffix(1);
  } else if (text.ends_with('h')) {
    unit_ms = 3'600'000;
    text.remove_suffix(1);
  }
  const auto number = parse_number(text);
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (!number || *number > kMax / unit_ms) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*number * unit_ms));
}

std::string duration_text(std::chrono::milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms > 0 && ms % 3'600'000 == 0) return std::to_string(ms / 3'600'000) + "h";
  if (ms > 0 && ms % 60'000 == 0) return std::to_string(ms / 60'000) + "m";
  if (ms % 1000 == 0) return std::to_string(ms / 1000) + "s";
  return std::to_string(ms) + "ms";
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t comma = 0;; text.remove_prefix(comma + 1)) {
    comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == text.npos) return parts;
  }
}

std::optional<std::vector<std::string>> parse_urls(std::string_view text) {
  std::vector<std::string> urls = split(text);
  if (urls.size() > kUrlsMax) return std::nullopt;
  for (std::string& url : urls) {
    if (!parse_http_url(url)) return std::nullopt;
    if (url.ends_with('/')) url.pop_back();
  }
  return urls;
}

bool is_ip_address(std::string_view text) {
  return millrace::is_ip_address(AF_INET, text) || millrace::is_ip_address(AF_INET6, text);
}

bool is_path(std::string_view text) {
  return !text.empty() && text.size() <= kPathBytesMax &&
         std::none_of(text.begin(), text.end(), is_control);
}

std::string printable(std::string_view value) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  const std::size_t scheme_end = value.find("://");
  const std::size_t at = value.rfind('@');
  const bool has_user = scheme_end != value.npos && at != value.npos && at > scheme_end;
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    // Up to the last @, of whichever URL: a password may hold an @ or a comma itself.
    if (has_user && i == scheme_end) {
      text += "://***";
      i = at;
    }
    const auto byte = static_cast<unsigned char>(value[i]);
    if (is_control(value[i])) {
      text.append("\\x").push_back(kDigits[byte >> 4]);
      text.push_back(kDigits[byte & 0xf]);
    } else {
      text.push_back(value[i]);
    }
  }
  return text;
}

}  // namespace millrace::config
