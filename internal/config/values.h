// Strict readers of single values: the whole text or nothing, no blanks, no signs, no overflow.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::config {

bool is_control(char c);

// Decimal digits.
std::optional<std::uint64_t> parse_number(std::string_view text);

// `500ms`, `30s`, `2m`, `24h`, or a bare number of seconds.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// In the largest unit that tells it exactly: `90s`, `2m`, `1500ms`.
std::string duration_text(std::chrono::milliseconds duration);

// What the commas separate; at least one part, which may be empty.
std::vector<std::string> split(std::string_view text);

// Comma-separated `http://host[:port]`, at most 64; a `/` at an end is taken off.
std::optional<std::vector<std::string>> parse_urls(std::string_view text);

// An IPv4 or IPv6 address, not a name.
bool is_ip_address(std::string_view text);

// Something open() could take: 1 to 4095 bytes, no control characters.
bool is_path(std::string_view text);

// `value` as it may be shown: control characters escaped, so that it stays on one line, and what
// may be the user and password of a URL hidden, from the first :// to the last @.
std::string printable(std::string_view value);

}  // namespace millrace::config
