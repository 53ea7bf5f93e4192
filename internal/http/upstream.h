// Where another service listens.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http_url.h"
#include "base/status.h"

namespace millrace::http {

// `authority` is as the Host header has it.
struct Upstream : HttpUrl {
  // IP addresses to connect to, the next one when one can't be connected to; the first tells
  // instances of the same name apart. Empty: `host` is looked up with each connection.
  std::vector<std::string> addresses{};

  // As parse_http_url(), with the address of a host that is one. Code::invalid when it isn't one.
  static Result<Upstream> parse(std::string_view url);

  // For people: the authority, with the address when that isn't in it.
  [[nodiscard]] std::string label() const;

  // Whether both lead to the same instance.
  [[nodiscard]] bool same_place(const Upstream& other) const;
};

// The instances of a service as they are now known; may be none. Thread-safe.
using UpstreamSource = std::function<std::vector<Upstream>()>;

}  // namespace millrace::http
