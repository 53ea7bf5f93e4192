// Where another service listens.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/http_url.h"
#include "base/status.h"

namespace millrace::http {

// `authority` is as the Host header has it.
struct Upstream : HttpUrl {
  // As parse_http_url(). Code::invalid when it isn't one.
  static Result<Upstream> parse(std::string_view url);
};

// The instances of a service as they are now known; may be none. Thread-safe.
using UpstreamSource = std::function<std::vector<Upstream>()>;

}  // namespace millrace::http
