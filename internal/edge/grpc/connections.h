// The connections handed to gRPC, which doesn't say when it closes one, nor which of them does it
// harm. They are watched by their descriptors.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/thread_annotations.h"

struct sockaddr_storage;

namespace millrace::edge {

struct ConnectionLimits {
  std::size_t connections_max = 1'000;
  std::size_t per_peer_max = 100;  // per address
};

using MessageBytes = std::shared_ptr<std::atomic<std::uint64_t>>;

// Thread-safe.
class Connections {
 public:
  explicit Connections(const ConnectionLimits& limits) : limits_(limits) {}

  // Takes note of a socket that was just accepted from `address`. Code::full: it is one too many.
  Status admit(int socket, const sockaddr_storage& address) EXCLUDES(mutex_);

  // Where to add the bytes of the messages that come from `peer`, named as gRPC names it. Never
  // null.
  [[nodiscard]] MessageBytes message_bytes(std::string_view peer) const EXCLUDES(mutex_);

  // Forgets those that are closed and measures the others: about every 100 ms.
  void sweep() EXCLUDES(mutex_);

  // Of the peer that lately sent most bytes that brought no messages, if that is a lot, closes the
  // connections that sent most of them. A message's bytes count twice, for the frames and headers
  // around them.
  struct Closed {
    std::string peer;  // empty: nobody sent so much
    std::size_t connections = 0;
  };
  Closed close_worst() EXCLUDES(mutex_);

  // Ends all of them, after what is written to them already.
  void close_all() EXCLUDES(mutex_);

  [[nodiscard]] std::size_t open() const EXCLUDES(mutex_);

 private:
  struct Connection {
    std::string name;  // as gRPC has it: ipv4:127.0.0.1:1234
    std::string peer;  // without the port
    int socket;
    std::uint64_t inode;    // of the socket: its number is used again
    MessageBytes messages;  // bytes, since the last sweep
    std::uint64_t received = 0;
    std::uint64_t idle_talk = 0;  // bytes that brought no message, halved with each sweep
  };
  using ByName = std::map<std::string, Connection, std::less<>>;

  void forget_closed() REQUIRES(mutex_);
  [[nodiscard]] std::string worst_peer() const REQUIRES(mutex_);

  const ConnectionLimits limits_;
  mutable Mutex mutex_;
  ByName connections_ GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> per_peer_ GUARDED_BY(mutex_);
};

}  // namespace millrace::edge
