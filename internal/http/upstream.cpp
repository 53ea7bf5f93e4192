#include "http/upstream.h"

#include <netinet/in.h>

namespace millrace::http {

Result<Upstream> Upstream::parse(std::string_view text) {
  auto url = parse_http_url(text);
  if (!url) return Status(Code::invalid, "not of the form http://host[:port]");
  Upstream upstream{std::move(*url)};
  if (is_ip_address(AF_INET, upstream.host) || is_ip_address(AF_INET6, upstream.host)) {
    upstream.addresses.push_back(upstream.host);
  }
  return upstream;
}

std::string Upstream::label() const {
  if (addresses.empty() || addresses.front() == host) return authority;
  return authority + " (" + addresses.front() + ")";
}

bool Upstream::same_place(const Upstream& other) const {
  if (port != other.port || addresses.empty() != other.addresses.empty()) return false;
  return addresses.empty() ? host == other.host : addresses.front() == other.addresses.front();
}

}  // namespace millrace::http
