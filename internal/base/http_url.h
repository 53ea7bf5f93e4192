// The URLs by which services name each other: one reader, for the settings that are checked at the
// start and for the connections made of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace {

struct HttpUrl {
  std::string host;       // a name or an address, without brackets
  std::string port;       // decimal, 1 to 65535
  std::string authority;  // "host:port", with an IPv6 address in brackets
};

// "http://host[:port]", nothing after it but an optional "/"; the port is 80 when there is none. A
// host is a name of letters, digits, '.', '-' and '_', at most 253 bytes, or an IPv4 address, or an
// IPv6 address in brackets. Nothing for anything else. Thread-safe.
std::optional<HttpUrl> parse_http_url(std::string_view text);

// Whether inet_pton(3) takes it. `family`: AF_INET or AF_INET6.
bool is_ip_address(int family, std::string_view text);

}  // namespace millrace
