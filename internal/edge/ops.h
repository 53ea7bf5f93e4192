// The routes every service has for those who run it: /livez, /readyz, /health, /metrics, /stats.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_function.h"
#include "http/reactor.h"
#include "http/router.h"
#include "http/upstream.h"
#include "observe/metrics.h"

namespace millrace::edge {

// Asks whether the service can do its work now; answers on the calling reactor's thread.
using WorkCheck = std::function<void(UniqueFunction<void(Status)> done)>;

// Ready from the moment the service is up until its drain begins: one flag for every probe.
struct OpsState {
  std::string service;
  std::atomic<bool> ready{false};
  WorkCheck can_work;
  std::function<std::string()> stats_json;  // thread-safe, doesn't block
};

// `state` and `registry` outlive the server. /readyz and /health are 200 when the service is ready
// and can_work says ok, otherwise 503 with the reason; /livez is 200 as long as it answers at all.
void add_ops_routes(http::Router& router, OpsState& state, const observe::Registry& registry);

// Ok when at least one of the upstreams answers its /readyz with 200, within `timeout`.
WorkCheck any_upstream_ready(http::ReactorPool& reactors, std::vector<http::Upstream> upstreams,
                             std::chrono::milliseconds timeout);

}  // namespace millrace::edge
