// Where a server is, once it has answered there.
#pragma once

#include <chrono>
#include <sys/socket.h>

#include "base/http_url.h"
#include "base/status.h"

namespace millrace::load {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  int family = 0;

  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&bytes);  // as the socket calls want it
  }
};

// The first of the server's addresses that takes a connection. Code::unavailable when none does
// within `patience` each.
Result<Address> reach(const HttpUrl& server, std::chrono::milliseconds patience);

}  // namespace millrace::load
