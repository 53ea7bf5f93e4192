// Where another service listens.
#pragma once

#include <string_view>

#include "base/http_url.h"
#include "base/status.h"

namespace millrace::http {

// `authority` is as the Host header has it.
struct Upstream : HttpUrl {
  // As parse_http_url(). Code::invalid when it isn't one.
  static Result<Upstream> parse(std::string_view url);
};

}  // namespace millrace::http
