#include "app/service.h"
#include "app/shell.h"
#include "edge/gateway/gateway_routes.h"
#include "edge/gateway/upstreams_health.h"
#include "edge/ingest/ingest_routes.h"
#include "http/hop_pool.h"

namespace millrace::app {
namespace {

// Probes ask upstream; an orchestrator gives up on a probe after a second or so.
constexpr std::chrono::milliseconds kProbeTimeout{900};

class Gateway final : public ServiceApp {
 public:
  explicit Gateway(const config::Settings& settings)
      : settings_(settings),
        shell_("api-gateway", settings),
        ingest_(make_directory(settings.ingest_urls, settings, shell_.reactors)),
        processor_(make_directory(settings.processor_urls, settings, shell_.reactors)),
        hop_metrics_(shell_.registry, "ingest"),
        hop_(shell_.reactors, ingest_, std::string(edge::kHopIngestPath), hop_metrics_) {
    const edge::UpstreamProbe ingest(shell_.reactors, http::source_of(ingest_), kProbeTimeout);
    const edge::UpstreamProbe processor(shell_.reactors, http::source_of(processor_),
                                        kProbeTimeout);
    shell_.ops.can_work = [ingest](UniqueFunction<void(Status)> done) {
      ingest.ask_any(std::move(done));
    };
    shell_.ops.health.asked = edge::upstreams_component(ingest, processor);
    shell_.ops.health.known.push_back({"memory", [this] { return memory_health(settings_); }});
  }

  Status start() override {
    http::Router router;
    const edge::GatewayUpstreams upstreams{http::source_of(ingest_), http::source_of(processor_)};
    edge::add_gateway_routes(router, hop_, shell_.reactors, upstreams, settings_.request_timeout);
    return shell_.open(std::move(router), settings_.api_port);
  }

  void stop_accepting() override { shell_.stop_accepting(); }

  Status drain(Time deadline) override { return shell_.close(deadline); }

 private:
  const config::Settings settings_;
  Shell shell_;
  const std::shared_ptr<http::UpstreamDirectory> ingest_;
  const std::shared_ptr<http::UpstreamDirectory> processor_;
  http::HopMetrics hop_metrics_;
  http::HopPool hop_;
};

}  // namespace

std::unique_ptr<ServiceApp> make_gateway(const config::Settings& settings) {
  return std::make_unique<Gateway>(settings);
}

}  // namespace millrace::app
