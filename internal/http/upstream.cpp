#include "http/upstream.h"

#include <boost/url/parse.hpp>

namespace millrace::http {

Result<Upstream> Upstream::parse(std::string_view text) {
  const auto url = boost::urls::parse_uri(boost::core::string_view(text.data(), text.size()));
  const bool bare = url && url->scheme() == "http" && !url->has_userinfo() &&
                    !url->encoded_host().empty() && !url->has_query() && !url->has_fragment() &&
                    (url->encoded_path().empty() || url->encoded_path() == "/") &&
                    (!url->has_port() || url->port_number() != 0);
  if (!bare) return Status(Code::invalid, "not of the form http://host[:port]");
  Upstream upstream;
  upstream.host = url->host_address();
  upstream.port = url->has_port() ? std::string(url->port()) : "80";
  upstream.authority = std::string(url->encoded_host()) + ":" + upstream.port;
  return upstream;
}

}  // namespace millrace::http
