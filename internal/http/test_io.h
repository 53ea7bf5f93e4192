// For tests: the other end of a connection as a script on plain sockets, and servers to talk to.
// Whatever waits here waits for a named thing, and throws when it doesn't come in time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "http/server.h"
#include "http/test_wire.h"
#include "http/upstream.h"

namespace millrace::http::testing {

// Longer than anything takes, also with sanitizers on a busy machine.
inline constexpr std::chrono::seconds kPatience{20};
inline Time within() { return std::chrono::steady_clock::now() + kPatience; }

// Asks again until it is true.
void eventually(const std::string& what, const std::function<bool()>& condition);

// Values handed from one thread to another. Thread-safe.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  T take(const std::string& what) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, within(), [this] { return !values_.empty(); })) {
      throw std::runtime_error(what + " didn't come");
    }
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  bool empty() {
    const std::lock_guard lock(mutex_);
    return values_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

// A connected socket. Closes it.
class RawConnection {
 public:
  explicit RawConnection(int socket) : socket_(socket) {}
  // `receive_bytes`: how little the system may take in for it.
  static RawConnection connect(std::uint16_t port, int receive_bytes = 0);
  ~RawConnection();
  RawConnection(RawConnection&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  RawConnection& operator=(RawConnection&&) = delete;

  // False when the other end doesn't take it any more.
  bool send(std::string_view bytes);
  // The next response; throws when the connection ends before it is whole.
  WireResponse response(bool head = false);
  // The next request, head and body, of a client that sends Content-Length; empty when it is gone.
  std::string request();
  // Everything until the other end closes, orderly or not.
  std::string rest();
  // Whether something comes within `time`.
  bool readable(std::chrono::milliseconds time);
  void finish_sending();
  // Closes so that the other end sees a reset.
  void reset();
  [[nodiscard]] int socket() const { return socket_; }

 private:
  bool receive();  // false: the connection has ended
  void wait(short events, const char* what);

  int socket_;
  std::string received_;
};

// A socket whose descriptor is there before it is connected.
class UnconnectedSocket {
 public:
  UnconnectedSocket();
  [[nodiscard]] RawConnection connect(std::uint16_t port) &&;
  // Waits for nothing.
  void begin_to_connect(std::uint16_t port);
  bool is_connected_within(std::chrono::milliseconds time);

 private:
  RawConnection connection_;
};

// A port on which connections are refused, as long as this lives.
class RefusingPort {
 public:
  RefusingPort();
  ~RefusingPort();
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;
  [[nodiscard]] std::uint16_t port() const;

 protected:
  const int socket_;
};

// A port on which connecting doesn't come to an end: the system's queue for it is full.
class SilentPort : public RefusingPort {
 public:
  SilentPort();
  ~SilentPort();

 private:
  std::deque<int> queued_;
};

// A server that is a script: it runs for each connection, one after the other.
class ScriptedPeer {
 public:
  using Script = std::function<void(RawConnection&)>;
  explicit ScriptedPeer(Script script);
  ~ScriptedPeer();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void run(const Script& script);

  int listener_;
  std::uint16_t port_;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  int current_ = -1;  // the connection's socket
  bool stopping_ = false;
  std::thread thread_;
};

Upstream upstream_at(std::uint16_t port);

// A Server with I/O threads of its own.
struct TestServer {
  explicit TestServer(Router router, ServerOptions options = {}, std::size_t threads = 1)
      : reactors(threads), server(reactors, std::move(router), options, registry) {
    if (const Status failed = server.start(); !failed.ok()) {
      throw std::runtime_error(failed.text());
    }
  }
  ~TestServer() { server.abort(); }

  [[nodiscard]] RawConnection connect() const { return RawConnection::connect(server.port()); }
  [[nodiscard]] double counted(std::string_view name) const { return metric(registry, name); }

  observe::Registry registry;
  ReactorPool reactors;
  Server server;
};

}  // namespace millrace::http::testing
