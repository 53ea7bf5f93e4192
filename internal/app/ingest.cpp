#include "app/composite_stats.h"
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
        producer_(make_producer(settings, shell_.reactors, shell_.registry)),
        composite_(dynamic_cast<const queue::CompositeProducer*>(producer_.get())),
        core_(*producer_, shell_.registry,
              {.max = settings.dedupe_max, .window = settings.dedupe_window}) {
    shell_.ops.can_work = work_check(settings, *producer_, shell_.reactors);
    shell_.ops.stats_json = [this] { return publisher_stats_json(core_, composite_); };
    if (composite_ != nullptr) register_composite_metrics(shell_.registry, *composite_);
  }

  Status start() override {
    if (Status failed = producer_->start(); !failed.ok()) return failed;
    http::Router router;
    edge::add_ingest_routes(router, core_, shell_.reactors, settings_.request_timeout);
    return shell_.open(std::move(router), settings_.ingest_port);
  }

  void stop_accepting() override { shell_.stop_accepting(); }

  Status drain(Time deadline) override {
    const Status edge = shell_.close(deadline);
    producer_->stop_accepting();
    const Status published = producer_->drain(deadline);
    if (!published.ok()) producer_->abort();
    return edge.ok() ? published : edge;
  }

 private:
  const config::Settings settings_;
  Shell shell_;
  const std::shared_ptr<queue::Producer> producer_;
  const queue::CompositeProducer* const composite_;  // the same, or null
  edge::IngestCore core_;
};

}  // namespace

std::unique_ptr<ServiceApp> make_ingest(const config::Settings& settings) {
  return std::make_unique<Ingest>(settings);
}

}  // namespace millrace::app
