// The routes every service has for those who run it: /livez, /readyz, /health, /metrics, /stats.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/status.h"
#include "base/unique_function.h"
#include "edge/health/health_checks.h"
#include "http/router.h"
#include "observe/metrics.h"

namespace millrace::edge {

// Asks whether the service can do its work now; answers on the calling reactor's thread.
using WorkCheck = std::function<void(UniqueFunction<void(Status)> done)>;

// Ready from the moment the service is up until its drain begins: one flag for every probe.
struct OpsState {
  std::string service;
  std::atomic<bool> ready{false};
  WorkCheck can_work;
  HealthChecks health;
  std::function<std::string()> stats_json;  // thread-safe, doesn't block
};

// `state` and `registry` outlive the server. /readyz is 200 when the service is ready and can_work
// says ok, otherwise 503 with the reason; /health says how each component is, and is 503 when one
// is unhealthy or the service isn't ready; /livez is 200 as long as it answers at all.
void add_ops_routes(http::Router& router, OpsState& state, const observe::Registry& registry);

}  // namespace millrace::edge
