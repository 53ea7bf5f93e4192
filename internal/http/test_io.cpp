#include "http/test_io.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace millrace::http::testing {
namespace {

constexpr int kPatienceMs = static_cast<int>(std::chrono::milliseconds(kPatience).count());

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int open_socket() { return checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"); }

int connect_to(int socket, std::uint16_t port) {
  const sockaddr_in address = loopback(port);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

int bind_any(int socket) {
  const sockaddr_in address = loopback(0);
  checked(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
  return socket;
}

std::uint16_t port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  checked(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return ntohs(address.sin_port);
}

}  // namespace

void eventually(const std::string& what, const std::function<bool()>& condition) {
  for (const Time deadline = within(); !condition();) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("never: " + what);
    ::poll(nullptr, 0, 1);
  }
}

RawConnection RawConnection::connect(std::uint16_t port, int receive_bytes) {
  RawConnection connection(open_socket());
  if (receive_bytes > 0) {
    checked(::setsockopt(connection.socket_, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
                         sizeof(receive_bytes)),
            "SO_RCVBUF");
  }
  checked(connect_to(connection.socket_, port), "connect");
  return connection;
}

RawConnection::~RawConnection() {
  if (socket_ >= 0) ::close(socket_);
}

void RawConnection::wait(short events, const char* what) {
  pollfd waiting{socket_, events, 0};
  if (checked(::poll(&waiting, 1, kPatienceMs), "poll") == 0) throw std::runtime_error(what);
}

bool RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    wait(POLLOUT, "the other end takes nothing");
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawConnection::receive() {
  std::array<char, 64 * 1024> buffer;
  wait(POLLIN, "the other end sends nothing");
  const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  received_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

WireResponse RawConnection::response(bool head) {
  while (true) {
    std::string_view bytes = received_;
    if (auto response = take_response(bytes, head)) {
      received_.erase(0, received_.size() - bytes.size());
      return std::move(*response);
    }
    if (!receive()) throw std::runtime_error("the connection ended before a response");
  }
}

std::string RawConnection::request() {
  while (true) {
    const auto end = received_.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::size_t size = end + 4;
      constexpr std::string_view name = "Content-Length: ";
      if (const auto at = received_.find(name); at < end) {
        std::size_t body = 0;
        std::from_chars(received_.data() + at + name.size(), received_.data() + end, body);
        size += body;
      }
      if (received_.size() >= size) {
        std::string request = received_.substr(0, size);
        received_.erase(0, size);
        return request;
      }
    }
    if (!receive()) return {};
  }
}

std::string RawConnection::rest() {
  while (receive()) {
  }
  return std::exchange(received_, {});
}

bool RawConnection::readable(std::chrono::milliseconds time) {
  pollfd waiting{socket_, POLLIN, 0};
  return checked(::poll(&waiting, 1, static_cast<int>(time.count())), "poll") > 0;
}

void RawConnection::finish_sending() { ::shutdown(socket_, SHUT_WR); }

void RawConnection::reset() {
  const linger now{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  ::close(std::exchange(socket_, -1));
}

UnconnectedSocket::UnconnectedSocket() : connection_(open_socket()) {}

RawConnection UnconnectedSocket::connect(std::uint16_t port) && {
  checked(connect_to(connection_.socket(), port), "connect");
  return std::move(connection_);
}

void UnconnectedSocket::begin_to_connect(std::uint16_t port) {
  checked(::fcntl(connection_.socket(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
  if (connect_to(connection_.socket(), port) < 0 && errno != EINPROGRESS) checked(-1, "connect");
}

bool UnconnectedSocket::is_connected_within(std::chrono::milliseconds time) {
  pollfd connected{connection_.socket(), POLLOUT, 0};
  return checked(::poll(&connected, 1, static_cast<int>(time.count())), "poll") > 0;
}

RefusingPort::RefusingPort() : socket_(bind_any(open_socket())) {}
RefusingPort::~RefusingPort() { ::close(socket_); }
std::uint16_t RefusingPort::port() const { return port_of(socket_); }

SilentPort::SilentPort() {
  checked(::listen(socket_, 0), "listen");
  // Those that fit are connected at once; the first that isn't shows that the queue is full.
  for (bool full = false; !full;) {
    queued_.push_back(open_socket());
    checked(::fcntl(queued_.back(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
    if (connect_to(queued_.back(), port()) < 0 && errno != EINPROGRESS) checked(-1, "connect");
    pollfd connected{queued_.back(), POLLOUT, 0};
    full = ::poll(&connected, 1, 50) == 0;
  }
}

SilentPort::~SilentPort() {
  for (const int socket : queued_) ::close(socket);
}

ScriptedPeer::ScriptedPeer(Script script)
    : listener_(bind_any(open_socket())), port_(port_of(listener_)) {
  checked(::listen(listener_, 64), "listen");
  thread_ = std::thread([this, script = std::move(script)] { run(script); });
}

ScriptedPeer::~ScriptedPeer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    if (current_ >= 0) ::shutdown(current_, SHUT_RDWR);
  }
  thread_.join();
  ::close(listener_);
}

void ScriptedPeer::run(const Script& script) {
  while (true) {
    const int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0) return;
    RawConnection connection(socket);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      current_ = socket;
    }
    ++connections_;
    try {
      script(connection);
    } catch (const std::exception&) {
      // The test sees it by what doesn't come.
    }
    const std::lock_guard lock(mutex_);
    current_ = -1;
  }
}

Upstream upstream_at(std::uint16_t port) {
  return Upstream::parse("http://127.0.0.1:" + std::to_string(port)).value();
}

}  // namespace millrace::http::testing
