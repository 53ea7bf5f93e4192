// What the three services have in common: metrics, I/O threads, probes and the HTTP server.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "edge/ops.h"
#include "http/reactor.h"
#include "http/router.h"
#include "http/server.h"
#include "http/upstream_directory.h"
#include "observe/metrics.h"

namespace millrace::app {

// Members in the order in which they depend on each other.
class Shell {
 public:
  Shell(const std::string& service, const config::Settings& settings);

  // Adds the probes to `router`, listens, and is ready. `ops` is complete by now.
  Status open(http::Router router, std::uint16_t port);

  // Not ready, no new connections. Doesn't block.
  void stop_accepting();

  // After stop_accepting(): what is in flight is answered; at most until `deadline`, then what is
  // left is cut.
  Status close(Time deadline);

  observe::Registry registry;
  http::ReactorPool reactors;
  edge::OpsState ops;

 private:
  const config::Settings settings_;
  std::unique_ptr<http::Server> server_;
};

// "memory": what the process has of what it may have.
edge::Component memory_health(const config::Settings& settings);

// Settings hold checked URLs only.
std::vector<http::Upstream> parse_upstreams(const std::vector<std::string>& urls);

// The instances that they lead to, looked up as the settings say. `reactors` outlive it.
std::shared_ptr<http::UpstreamDirectory> make_directory(const std::vector<std::string>& urls,
                                                        const config::Settings& settings,
                                                        http::ReactorPool& reactors);

}  // namespace millrace::app
