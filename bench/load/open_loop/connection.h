// One connection to the server, used for one request after the other, and opened anew when it is
// lost.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "address.h"
#include "outcome.h"
#include "response_reader.h"

namespace millrace::load {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

// Never blocks. On the generator's thread.
class Connection {
 public:
  enum class State : std::uint8_t { closed, connecting, idle, busy };
  enum class Event : std::uint8_t {
    nothing,
    opened,    // it is idle now
    answered,  // response() is whole; done() comes next
    closed,    // the server closed it while it was idle, which it may
    failed,    // see failure(); it is closed
  };

  // `epoll` reports its events with `index`, and outlives it.
  Connection(int epoll, std::uint32_t index) : epoll_(epoll), index_(index) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Begins to connect. False when that failed at once. Requires closed.
  bool open(const Address& address);

  // Requires idle. False when the connection is broken, and closed by now.
  bool send(std::string_view request, Time due, Time now);

  // What `events` of epoll make of it.
  Event on_ready(std::uint32_t events, std::span<char> buffer);

  // After answered: idle again if the connection can be kept, otherwise closed.
  void done(bool keep);

  void close();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] Failure failure() const { return failure_; }
  [[nodiscard]] const ResponseReader& response() const { return reader_; }
  [[nodiscard]] Time due() const { return due_; }          // of the request under way
  [[nodiscard]] Time sent_at() const { return sent_at_; }  // the same
  [[nodiscard]] Time idle_since() const { return idle_since_; }

 private:
  Event finish_connect();
  Event receive(std::span<char> buffer);
  Event fail(Failure failure);
  bool flush();
  void watch(std::uint32_t events);

  const int epoll_;
  const std::uint32_t index_;
  int socket_ = -1;
  State state_ = State::closed;
  Failure failure_ = Failure::connect;
  std::string unsent_;  // of the request under way, when the socket took only a part
  ResponseReader reader_;
  Time due_;
  Time sent_at_;
  Time idle_since_;
};

}  // namespace millrace::load
