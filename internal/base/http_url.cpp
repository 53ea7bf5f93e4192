#include "base/http_url.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>

namespace millrace {
namespace {

constexpr std::size_t kHostBytesMax = 253;

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    return is_ip_address(AF_INET6, text.substr(1, text.size() - 2));
  }
  return !text.empty() && text.size() <= kHostBytesMax &&
         std::all_of(text.begin(), text.end(), is_host_character);
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && stopped == end && port != 0;
}

}  // namespace

bool is_ip_address(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> parsed;
  // The C function would stop at a NUL and take what stands before it.
  return text.find('\0') == std::string_view::npos &&
         inet_pton(family, std::string(text).c_str(), parsed.data()) == 1;
}

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  std::string_view port = "80";
  const std::size_t colon = text.find(':', text.starts_with('[') ? text.find(']') : 0);
  std::string_view host = text.substr(0, colon);
  if (colon != std::string_view::npos) port = text.substr(colon + 1);
  if (!is_host(host) || !is_port(port)) return std::nullopt;
  HttpUrl url{.host = {}, .port = std::string(port), .authority = std::string(host)};
  url.authority.append(":").append(port);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  url.host = host;
  return url;
}

}  // namespace millrace
