// What all calls of a server share.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <grpcpp/support/status_code_enum.h>
#include <memory>
#include <string>
#include <unordered_set>

#include "base/executor.h"
#include "base/thread_annotations.h"
#include "edge/grpc/connections.h"
#include "edge/ingest/ingest_core.h"
#include "edge/intake/byte_budget.h"
#include "edge/intake/unary_intake.h"
#include "queue/producer.h"

namespace millrace::edge {

class OpenStream {
 public:
  virtual ~OpenStream() = default;
  // Looks whether its time is over.
  virtual void tick(Time now) = 0;
  // Ends it: nothing more is read, what is under way gets its verdict.
  virtual void stop(grpc::StatusCode code, const std::string& why) = 0;
};

// The streams that are open. Thread-safe.
class OpenStreams {
 public:
  void add(std::shared_ptr<OpenStream> stream) EXCLUDES(mutex_);
  void remove(const std::shared_ptr<OpenStream>& stream) EXCLUDES(mutex_);
  void tick(Time now);
  void stop_all(grpc::StatusCode code, const std::string& why);

 private:
  [[nodiscard]] std::vector<std::shared_ptr<OpenStream>> all() const EXCLUDES(mutex_);

  mutable Mutex mutex_;
  std::unordered_set<std::shared_ptr<OpenStream>> streams_ GUARDED_BY(mutex_);
};

// How many calls are open, and a way to wait for the last to end. Thread-safe.
class OpenCalls {
 public:
  void add() EXCLUDES(mutex_);
  void remove() EXCLUDES(mutex_);
  // How many there still are, 0 or at `deadline`.
  std::size_t wait_until_none(Time deadline) EXCLUDES(mutex_);
  // Until the answers that were given are out of gRPC's hands, which doesn't say.
  void wait_for_last_answers() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ GUARDED_BY(mutex_) = 0;
};

struct CallLimits {
  std::size_t message_bytes_max = std::size_t{4} << 20;
  std::uint64_t held_bytes_max = std::uint64_t{64} << 20;  // of all calls together
  std::chrono::milliseconds request_timeout{5'000};    // from a message's arrival to its verdict
  std::chrono::milliseconds stream_idle_max{300'000};  // without a message, or unread answers
  std::chrono::milliseconds stream_age_max{0};         // 0: no limit
};

struct CallContext {
  // All outlive it. `patient` waits where `core`'s own producer says "full".
  CallContext(IngestCore& c, queue::CancellableProducer& p, Executor& e, const Connections& n,
              const CallLimits& l)
      : core(c),
        patient(p),
        executor(e),
        connections(n),
        limits(l),
        held(l.held_bytes_max),
        unary(c, e, l.request_timeout) {}

  IngestCore& core;
  queue::CancellableProducer& patient;
  Executor& executor;  // where streams publish
  const Connections& connections;
  const CallLimits limits;
  ByteBudget held;
  UnaryIntake unary;
  OpenCalls calls;
  OpenStreams streams;
  std::atomic<bool> draining{false};  // calls that come are refused
};

// Who is told to end has this long, once nothing of ours is under way.
inline constexpr std::chrono::seconds kLastWords{1};
inline constexpr const char* kShuttingDown = "shutting down, nothing more is taken here";

}  // namespace millrace::edge
