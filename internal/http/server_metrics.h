// What a server counts: requests and their durations by route, method and status.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "http/router.h"
#include "observe/metrics.h"

namespace millrace::http {

// How many connections are open, and a way to wait for the last to go. Thread-safe.
class OpenConnections {
 public:
  void add() { count_.fetch_add(1, std::memory_order_relaxed); }
  void remove();
  [[nodiscard]] std::int64_t count() const { return count_.load(std::memory_order_acquire); }
  // False when there were still some at `deadline`.
  bool wait_until_none(Time deadline);

 private:
  std::atomic<std::int64_t> count_{0};
  Mutex mutex_;
  std::condition_variable none_;
};

// Thread-safe. A combination is registered the first time it happens, counting takes no lock after.
class ServerMetrics {
 public:
  ServerMetrics(observe::Registry& registry, const Router& router);
  ~ServerMetrics();

  // `route` is null for paths that aren't ours.
  void count_request(const Route* route, Method method, unsigned status, Duration took);

  observe::Counter& connections_accepted;
  observe::Counter& connections_refused;    // over the limit, or out of descriptors
  observe::Counter& connections_timed_out;  // a request or the reading of an answer took too long
  // Shared with the registry's gauge, which outlives the server.
  const std::shared_ptr<OpenConnections> connections_open = std::make_shared<OpenConnections>();

 private:
  struct Cell;
  struct PerRoute;

  observe::Registry& registry_;
  // Routes of one name share their counts.
  std::map<const Route*, std::shared_ptr<PerRoute>> per_route_;
};

}  // namespace millrace::http
