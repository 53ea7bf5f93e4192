// Where another service listens.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace millrace::http {

struct Upstream {
  std::string host;       // a name or an address, without brackets
  std::string port;       // decimal
  std::string authority;  // "host:port", as the Host header has it

  // "http://host[:port]", nothing after it but an optional "/". Code::invalid otherwise.
  static Result<Upstream> parse(std::string_view url);
};

}  // namespace millrace::http
