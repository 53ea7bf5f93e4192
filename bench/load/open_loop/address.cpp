#include "address.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace millrace::load {
namespace {

using Found = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// 0, or why no connection came about.
int try_connect(int socket, const addrinfo& address, std::chrono::milliseconds patience) {
  if (connect(socket, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready{.fd = socket, .events = POLLOUT, .revents = 0};
  if (poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

int try_address(const addrinfo& address, std::chrono::milliseconds patience) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int error = try_connect(fd, address, patience);
  close(fd);
  return error;
}

}  // namespace

Result<Address> reach(const HttpUrl& server, std::chrono::milliseconds patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &list);
  if (failed != 0) {
    return Status(Code::unavailable, server.host + " can't be resolved: " + gai_strerror(failed));
  }
  const Found owner(list, freeaddrinfo);
  int error = 0;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    error = try_address(*one, patience);
    if (error != 0) continue;
    Address address{.size = one->ai_addrlen, .family = one->ai_family};
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
    return address;
  }
  return Status(Code::unavailable,
                "nobody answers at " + server.authority + ": " + std::strerror(error));
}

}  // namespace millrace::load
