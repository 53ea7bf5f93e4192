// An HTTP/1.1 server: a listening socket per reactor (SO_REUSEPORT), the router's handlers, limits
// and timeouts on every connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/lifecycle.h"
#include "http/reactor.h"
#include "http/router.h"
#include "observe/metrics.h"

namespace millrace::http {

struct ServerOptions {
  std::string bind_address = "127.0.0.1";          // an IPv4 or IPv6 literal
  std::uint16_t port = 0;                          // 0: one the system chooses
  std::size_t connections_max = 20'000;            // beyond it: 503 and closed
  std::chrono::milliseconds read_timeout{10'000};  // a request to arrive whole; output to be read
  std::chrono::milliseconds idle_timeout{75'000};  // a kept connection without a request
  // While draining, how long such a one stays open for one more request.
  std::chrono::milliseconds drain_grace{0};
  // To listen also where another server of ours, of the same user, listens already, whatever that
  // one has here: the system shares connections out.
  bool share_port = false;
};

// Lifecycle as base/lifecycle.h says: stop_accepting() closes the listeners and lets each
// connection finish what it has, and one more request in the grace; drain() waits for them; abort()
// closes them as they are. All I/O runs on the reactors' threads; the verbs are for the one thread
// that owns the server.
class Server final : public Lifecycle {
 public:
  // `reactors` and `registry` outlive the server.
  Server(ReactorPool& reactors, Router router, const ServerOptions& options,
         observe::Registry& registry);
  // Requires that the connections are gone (drain() or abort()) and the reactors still run.
  ~Server() override;

  // Code::unavailable when the address can't be listened on: taken, not ours, not permitted.
  Status start() override;
  void stop_accepting() override;
  Status drain(Time deadline) override;
  void abort() override;

  // The port listened on, once started.
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  void drain_connections();

  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::http
