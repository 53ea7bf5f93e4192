#include "app/composite_stats.h"
#include "app/publisher_health.h"
#include "app/queues.h"
#include "app/service.h"
#include "app/shell.h"
#include "edge/ingest/ingest_routes.h"

namespace millrace::app {
namespace {

class Ingest final : public ServiceApp {
 public:
  explicit Ingest(const config::Settings& settings)
      : settings_(settings),
        shell_("ingest", settings),
        queue_(make_publisher_queue(settings, shell_.reactors, shell_.registry)),
        health_(settings, queue_, shell_.reactors),
        core_(*queue_.producer, shell_.registry,
              {.max = settings.dedupe_max, .window = settings.dedupe_window}) {
    shell_.ops.can_work = health_.work_check();
    health_.add_to(shell_.ops.health, shell_.registry);
    shell_.ops.health.known.push_back({"memory", [this] { return memory_health(settings_); }});
    shell_.ops.stats_json = [this] { return publisher_stats_json(core_, queue_.composite); };
    if (queue_.composite != nullptr) {
      register_composite_metrics(shell_.registry, *queue_.composite);
    }
  }

  Status start() override {
    if (Status failed = queue_.producer->start(); !failed.ok()) return failed;
    http::Router router;
    edge::add_ingest_routes(router, core_, shell_.reactors, settings_.request_timeout);
    return shell_.open(std::move(router), settings_.ingest_port);
  }

  void stop_accepting() override { shell_.stop_accepting(); }

  Status drain(Time deadline) override {
    const Status edge = shell_.close(deadline);
    queue_.producer->stop_accepting();
    const Status published = queue_.producer->drain(deadline);
    if (!published.ok()) queue_.producer->abort();
    return edge.ok() ? published : edge;
  }

 private:
  const config::Settings settings_;
  Shell shell_;
  const PublisherQueue queue_;
  PublisherHealth health_;
  edge::IngestCore core_;
};

}  // namespace

std::unique_ptr<ServiceApp> make_ingest(const config::Settings& settings) {
  return std::make_unique<Ingest>(settings);
}

}  // namespace millrace::app
