// The listening socket, with an accept loop of our own: gRPC's stays deaf once the process has run
// out of descriptors, and knows no limit of connections.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/status.h"
#include "edge/grpc/connections.h"
#include "observe/metrics.h"

namespace millrace::edge {

// A descriptor of ours, closed with it.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

struct DoorOptions {
  std::string bind_address = "127.0.0.1";               // an IPv4 or IPv6 literal
  std::uint16_t port = 0;                               // 0: one the system chooses
  bool share_port = false;                              // with others of the same user that do
  std::uint64_t memory_max = std::uint64_t{512} << 20;  // resident; beyond it nobody comes in
};

// start(), stop_accepting() and the end are for one thread.
class Door {
 public:
  // Takes over a connected socket.
  using Enter = std::function<void(int socket)>;

  // All outlive it. `tick` is called about every 100 ms, on the loop's thread, until its end.
  Door(DoorOptions options, Connections& connections, Enter enter, std::function<void()> tick,
       observe::Registry& registry);
  ~Door() { close(); }

  // Code::unavailable when the address can't be listened on.
  Status start();
  // Who has connected by now is let in, who comes later is refused by the system. Doesn't block:
  // is_listening() says when that is done.
  void stop_accepting();
  // Ends the loop.
  void close();

  // Whether nobody is let in for want of memory. Thread-safe.
  [[nodiscard]] bool is_short_of_memory() const { return short_of_memory_; }

  // False before start(), and once everybody was let in whom stop_accepting() found waiting.
  // Thread-safe.
  [[nodiscard]] bool is_listening() const { return is_listening_; }

  // The port listened on, once started; 0 before. Thread-safe.
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  Status listen();
  void run(const std::stop_token& stop);
  // Waits for a client, stop_accepting() or that time. True: there is a client.
  bool wait_until(Time time);
  void accept_some();
  // Lets in who is there, and closes the socket.
  void close_listening();
  // False when there is nobody to let in, or nothing to do it with.
  bool accept_one();
  void shed_without_descriptors();
  void refuse(Descriptor socket, const Status& why);
  // Returns the resident bytes.
  std::uint64_t look_around();
  void guard_memory(std::uint64_t resident);

  const DoorOptions options_;
  Connections& connections_;
  const Enter enter_;
  const std::function<void()> tick_;
  observe::Counter& accepted_;
  observe::Counter& refused_;
  observe::Counter& closed_;  // by guard_memory()

  std::atomic<std::uint16_t> port_{0};
  std::atomic<bool> accepting_{true};
  std::atomic<bool> is_listening_{false};
  std::atomic<bool> short_of_memory_{false};
  Descriptor wake_;  // an eventfd, by which stop_accepting() ends the loop's wait
  // What follows is the loop's own.
  Descriptor listening_;
  Descriptor spare_;   // so that one can be accepted, and told to go, when none is left
  Descriptor memory_;  // /proc/self/statm, kept open for the same reason
  bool pausing_ = false;
  Time trim_again_at_{};
  std::jthread thread_;  // last: it uses the members above
};

}  // namespace millrace::edge
