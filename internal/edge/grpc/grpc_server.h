// The gRPC server: the ingest service under both its names, health, reflection, limits, TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/lifecycle.h"
#include "edge/grpc/call_context.h"
#include "edge/grpc/connections.h"
#include "edge/grpc/door.h"

namespace millrace::edge {

// Paths of PEM files; `cert` and `key` empty for no TLS, `client_ca` for clients without
// certificate.
struct TlsFiles {
  std::string cert;
  std::string key;
  std::string client_ca;
};

struct GrpcServerOptions {
  DoorOptions door;
  ConnectionLimits connections;
  CallLimits calls;
  std::uint32_t streams_per_connection = 100;
  std::uint64_t memory_quota = std::uint64_t{256} << 20;  // bytes gRPC itself may hold
  std::chrono::milliseconds ping_interval_min{10'000};    // more often: GOAWAY
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds idle_timeout{75'000};  // a connection without a call
  // About then a connection's client is told to open another one; what is under way goes on. 0:
  // never.
  std::chrono::milliseconds connection_max_age{0};
  // While draining, for how long calls over the connections that are open are still taken.
  std::chrono::milliseconds drain_grace{0};
  TlsFiles tls;
};

// The verbs are for the one thread that owns the server.
class GrpcServer final : public Lifecycle {
 public:
  // All outlive it. `patient` is another way to `core`'s queue, which waits while that is full;
  // streams publish on `executor`; `is_ready`, thread-safe, is what the health service says until
  // stop_accepting().
  GrpcServer(IngestCore& core, queue::CancellableProducer& patient, Executor& executor,
             const GrpcServerOptions& options, std::function<bool()> is_ready,
             observe::Registry& registry);
  // Requires drain() or abort().
  ~GrpcServer() override;

  // Code::unavailable for an address that can't be listened on; Code::invalid for files that aren't
  // a certificate and its key.
  Status start() override;
  // Not serving, the listener closed; new calls refused, unless there is a grace; streams end once
  // what they have under way has its verdict.
  void stop_accepting() override;
  // Blocks until the grace of stop_accepting() is over, or nobody is connected any more. Then it
  // does what that left to do.
  void end_grace();
  // Requires end_grace(). Code::deadline when calls have no answer yet: then their producer is to
  // be aborted before this is, so that they get one.
  Status drain(Time deadline) override;
  void abort() override;

  // Ok while clients are let in. Thread-safe.
  [[nodiscard]] Status health() const;

  // The port listened on, once started; 0 before. Thread-safe.
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::edge
