#include "http/upstream.h"

namespace millrace::http {

Result<Upstream> Upstream::parse(std::string_view text) {
  auto url = parse_http_url(text);
  if (!url) return Status(Code::invalid, "not of the form http://host[:port]");
  return Upstream{std::move(*url)};
}

}  // namespace millrace::http
