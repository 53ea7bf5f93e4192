#include "http/server_metrics.h"

#include <algorithm>
#include <array>

namespace millrace::http {
namespace {

// The statuses we answer; anything else counts as the last.
constexpr std::array<unsigned, 20> kStatuses = {200, 202, 204, 207, 400, 404, 405, 408, 413, 415,
                                                417, 422, 429, 431, 500, 502, 503, 504, 505, 0};

std::size_t status_index(unsigned status) {
  const auto at = std::find(kStatuses.begin(), kStatuses.end() - 1, status);
  return static_cast<std::size_t>(at - kStatuses.begin());
}

}  // namespace

void OpenConnections::remove() {
  if (count_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  const MutexLock lock(mutex_);  // a waiter has either seen zero or sleeps
  none_.notify_all();
}

bool OpenConnections::wait_until_none(Time deadline) {
  MutexLock lock(mutex_);
  while (count() > 0) {
    if (!lock.wait_until(none_, deadline)) return count() == 0;
  }
  return true;
}

struct ServerMetrics::Cell {
  observe::Counter& requests;
  observe::Histogram& seconds;
};

struct ServerMetrics::PerRoute {
  explicit PerRoute(std::string route_name) : name(std::move(route_name)) {}

  Cell* find_or_make(observe::Registry& registry, Method method, std::size_t status) {
    auto& slot = cells[static_cast<std::size_t>(method)][status];
    if (Cell* cell = slot.load(std::memory_order_acquire)) return cell;
    const MutexLock lock(mutex);
    if (Cell* cell = slot.load(std::memory_order_relaxed)) return cell;
    const unsigned code = kStatuses[status];
    const observe::Labels labels = {{"route", name},
                                    {"method", std::string(method_name(method))},
                                    {"status", code == 0 ? "other" : std::to_string(code)}};
    owned.push_back(std::make_unique<Cell>(
        Cell{registry.counter("millrace_http_requests_total", "HTTP requests answered.", labels),
             registry.histogram("millrace_http_request_seconds",
                                "Time from a request being whole to its answer being ready.",
                                observe::duration_bounds_s(), labels)}));
    // Release: whoever sees the pointer sees the cell.
    slot.store(owned.back().get(), std::memory_order_release);
    return owned.back().get();
  }

  const std::string name;
  std::array<std::array<std::atomic<Cell*>, kStatuses.size()>, kMethodCount> cells{};
  Mutex mutex;
  std::vector<std::unique_ptr<Cell>> owned GUARDED_BY(mutex);
};

ServerMetrics::ServerMetrics(observe::Registry& registry, const Router& router)
    : connections_accepted(registry.counter("millrace_http_connections_accepted_total",
                                            "Client connections accepted.")),
      connections_refused(registry.counter(
          "millrace_http_connections_refused_total",
          "Client connections turned away: over the limit or out of descriptors.")),
      connections_timed_out(registry.counter("millrace_http_connections_timed_out_total",
                                             "Client connections closed for being too slow.")),
      registry_(registry) {
  registry.gauge("millrace_http_connections_open", "Client connections open now.",
                 [open = connections_open] { return static_cast<double>(open->count()); });
  std::map<std::string, std::shared_ptr<PerRoute>> by_name;
  per_route_.emplace(nullptr, std::make_shared<PerRoute>("none"));
  for (const auto& route : router.routes()) {
    auto& shared = by_name[route->name];
    if (shared == nullptr) shared = std::make_shared<PerRoute>(route->name);
    per_route_.emplace(route.get(), shared);
  }
}

ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::count_request(const Route* route, Method method, unsigned status,
                                  Duration took) {
  Cell* cell = per_route_.at(route)->find_or_make(registry_, method, status_index(status));
  cell->requests.add();
  cell->seconds.observe(std::chrono::duration<double>(took).count());
}

}  // namespace millrace::http
