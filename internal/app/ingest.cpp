#include "app/service.h"
#include "app/shell.h"
#include "edge/ingest/ingest_routes.h"
#include "queue/remote/remote_producer.h"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kProbeTimeout{700};

// With the memory queue, which lives in the processor.
class Ingest final : public ServiceApp {
 public:
  explicit Ingest(const config::Settings& settings)
      : settings_(settings),
        processors_(parse_upstreams(settings.processor_urls)),
        shell_("ingest", settings),
        producer_(shell_.reactors, processors_, shell_.registry),
        core_(producer_, shell_.registry) {
    shell_.ops.can_work = edge::any_upstream_ready(shell_.reactors, processors_, kProbeTimeout);
    shell_.ops.stats_json = [this] { return edge::ingest_stats_json(core_); };
  }

  Status start() override {
    http::Router router;
    edge::add_ingest_routes(router, core_, shell_.reactors, settings_.request_timeout);
    return shell_.open(std::move(router), settings_.ingest_port);
  }

  void stop_accepting() override { shell_.stop_accepting(); }

  Status drain(Time deadline) override {
    const Status edge = shell_.close(deadline);
    producer_.stop_accepting();
    const Status published = producer_.drain(deadline);
    if (!published.ok()) producer_.abort();
    return edge.ok() ? published : edge;
  }

 private:
  const config::Settings settings_;
  const std::vector<http::Upstream> processors_;
  Shell shell_;
  queue::RemoteProducer producer_;
  edge::IngestCore core_;
};

}  // namespace

std::unique_ptr<ServiceApp> make_ingest(const config::Settings& settings) {
  return std::make_unique<Ingest>(settings);
}

}  // namespace millrace::app
