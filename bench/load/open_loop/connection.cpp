#include "connection.h"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace millrace::load {

bool Connection::open(const Address& address) {
  socket_ = socket(address.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(socket_, address.get(), address.size) != 0 && errno != EINPROGRESS) {
    close();
    return false;
  }
  epoll_event wanted{.events = EPOLLIN | EPOLLOUT, .data = {.u32 = index_}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &wanted) != 0) {
    close();
    return false;
  }
  state_ = State::connecting;
  return true;
}

void Connection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  state_ = State::closed;
  unsent_.clear();
  reader_ = ResponseReader();
}

bool Connection::send(std::string_view request, Time due, Time now) {
  due_ = due;
  sent_at_ = now;
  state_ = State::busy;
  const ssize_t taken = ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
  if (taken < 0 && errno != EAGAIN) {
    fail(Failure::send);
    return false;
  }
  const auto sent = static_cast<std::size_t>(std::max<ssize_t>(taken, 0));
  if (sent < request.size()) {
    unsent_ = request.substr(sent);
    watch(EPOLLIN | EPOLLOUT);
  }
  return true;
}

Connection::Event Connection::on_ready(std::uint32_t events, std::span<char> buffer) {
  // An event that was reported before the connection was closed.
  if (state_ == State::closed) return Event::nothing;
  if (state_ == State::connecting) return finish_connect();
  // An answer may have come although the request can't be sent on: it is read first.
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) return receive(buffer);
  return flush() ? Event::nothing : fail(Failure::send);
}

void Connection::done(bool keep) {
  if (!keep || !reader_.keeps_connection() || !unsent_.empty()) {
    close();
    return;
  }
  reader_.next();
  state_ = State::idle;
  idle_since_ = Clock::now();
}

Connection::Event Connection::finish_connect() {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(Failure::connect);
  watch(EPOLLIN);
  state_ = State::idle;
  idle_since_ = Clock::now();
  return Event::opened;
}

Connection::Event Connection::receive(std::span<char> buffer) {
  const ssize_t got = recv(socket_, buffer.data(), buffer.size(), 0);
  if (got < 0 && errno == EAGAIN) return Event::nothing;
  if (got <= 0) {
    if (state_ == State::busy) return fail(Failure::closed);
    close();
    return Event::closed;
  }
  std::string_view input(buffer.data(), static_cast<std::size_t>(got));
  if (state_ == State::idle) return fail(Failure::unreadable);
  switch (reader_.feed(input)) {
    case ResponseReader::Step::need_more:
      return Event::nothing;
    case ResponseReader::Step::failed:
      return fail(Failure::unreadable);
    case ResponseReader::Step::complete:
      break;
  }
  // One request was sent, so one answer may come.
  return input.empty() ? Event::answered : fail(Failure::unreadable);
}

Connection::Event Connection::fail(Failure failure) {
  close();
  failure_ = failure;
  return Event::failed;
}

bool Connection::flush() {
  if (unsent_.empty()) return true;
  const ssize_t taken = ::send(socket_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  if (taken < 0) return errno == EAGAIN;
  unsent_.erase(0, static_cast<std::size_t>(taken));
  if (unsent_.empty()) watch(EPOLLIN);
  return true;
}

void Connection::watch(std::uint32_t events) {
  epoll_event wanted{.events = events, .data = {.u32 = index_}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, socket_, &wanted);
}

}  // namespace millrace::load
