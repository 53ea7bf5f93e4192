#include "app/shell.h"

#include "edge/health/judge.h"
#include "observe/memory.h"

namespace millrace::app {

Shell::Shell(const std::string& service, const config::Settings& settings)
    : reactors(settings.io_threads), settings_(settings) {
  ops.service = service;
  ops.can_work = [](UniqueFunction<void(Status)> done) { done({}); };
  observe::register_process_metrics(registry, service);
}

Status Shell::open(http::Router router, std::uint16_t port) {
  edge::register_health_metrics(registry, ops.health);
  edge::add_ops_routes(router, ops, registry);
  http::ServerOptions options;
  options.bind_address = settings_.bind_address;
  options.port = port;
  options.connections_max = settings_.max_connections;
  options.read_timeout = settings_.read_timeout;
  options.idle_timeout = settings_.idle_timeout;
  options.drain_grace = settings_.drain_grace;
  options.share_port = settings_.share_port;
  server_ = std::make_unique<http::Server>(reactors, std::move(router), options, registry);
  if (Status failed = server_->start(); !failed.ok()) return failed;
  ops.ready = true;
  return {};
}

void Shell::stop_accepting() {
  ops.ready = false;
  if (server_ != nullptr) server_->stop_accepting();
}

Status Shell::close(Time deadline) {
  if (server_ == nullptr) return {};
  Status drained = server_->drain(deadline);
  if (!drained.ok()) server_->abort();
  server_.reset();
  return drained;
}

edge::Component memory_health(const config::Settings& settings) {
  return edge::judge_memory(
      observe::resident_bytes(), observe::memory_limit_bytes(),
      {.warning = settings.health_memory_warning, .unhealthy = settings.health_memory_unhealthy});
}

std::vector<http::Upstream> parse_upstreams(const std::vector<std::string>& urls) {
  std::vector<http::Upstream> upstreams;
  for (const auto& url : urls) upstreams.push_back(http::Upstream::parse(url).value());
  return upstreams;
}

std::shared_ptr<http::UpstreamDirectory> make_directory(const std::vector<std::string>& urls,
                                                        const config::Settings& settings,
                                                        http::ReactorPool& reactors) {
  return std::make_shared<http::UpstreamDirectory>(reactors, parse_upstreams(urls),
                                                   settings.upstream_refresh);
}

}  // namespace millrace::app
