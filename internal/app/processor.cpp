#include <nlohmann/json.hpp>

#include "app/composite_stats.h"
#include "app/processor_health.h"
#include "app/queues.h"
#include "app/service.h"
#include "app/shell.h"
#include "edge/dlq/dlq_routes.h"
#include "edge/enqueue/enqueue_routes.h"
#include "observe/log.h"
#include "queue/deduping_consumer.h"
#include "queue/remote/remote_producer.h"
#include "sink/file_sink.h"
#include "sink/log_sink.h"
#include "sink/none_sink.h"
#include "worker/handlers.h"
#include "worker/pool.h"

namespace millrace::app {
namespace {

// After the drain's time is over: for handlers to obey their stop token, and for what can't be
// finished to be written to the dead letters.
constexpr std::chrono::milliseconds kAfterAbort{500};
constexpr std::string_view kNotWorkedOff = "not worked off before shutdown";

std::unique_ptr<sink::Sink> make_sink(const config::Settings& settings) {
  if (settings.sink == "log") return std::make_unique<sink::LogSink>();
  if (settings.sink == "file") {
    return std::make_unique<sink::FileSink>(sink::AppendFileOptions{
        .path = settings.sink_file, .max_bytes = settings.sink_file_max_bytes});
  }
  return std::make_unique<sink::NoneSink>();
}

worker::PoolOptions pool_options(const config::Settings& settings) {
  worker::PoolOptions options;
  options.workers = settings.processor_workers;
  options.max_attempts = settings.max_attempts;
  options.handler_timeout = settings.handler_timeout;
  return options;
}

class Processor final : public ServiceApp {
 public:
  explicit Processor(const config::Settings& settings)
      : settings_(settings),
        shell_("processor", settings),
        queue_(make_processor_queue(settings, shell_.reactors)),
        consumer_(*queue_.consumer, {.window = settings.dedupe_window,
                                     .max = settings.dedupe_max,
                                     .expects_copies = queue_.composite_consumer != nullptr}),
        handler_(worker::make_handler(settings.handler)),
        sink_(make_sink(settings)),
        pool_(pool_options(settings), consumer_, *handler_, *sink_, *queue_.dead_letters,
              worker::register_pool_metrics(shell_.registry)),
        health_(settings, queue_, pool_),
        dlq_(*queue_.dead_letters, *queue_.producer, shell_.reactors, settings.request_timeout,
             shell_.registry) {
    shell_.ops.stats_json = [this] { return stats_json(); };
    shell_.ops.can_work = [this](UniqueFunction<void(Status)> done) {
      const Status queue = queue_.consumer->health();
      done(queue.ok() ? pool_.health() : queue);
    };
    health_.add_to(shell_.ops.health, shell_.registry);
    register_queue_metrics();
  }

  Status start() override {
    if (Status failed = sink_->start(); !failed.ok()) return failed;
    if (Status failed = queue_.start(); !failed.ok()) return failed;
    if (Status failed = pool_.start(); !failed.ok()) return failed;
    http::Router router;
    dlq_.add_to(router);
    edge::add_enqueue_route(router, *queue_.producer, shell_.reactors, settings_.request_timeout);
    edge::add_hop_route(router, *queue_.hop_producer, shell_.reactors, queue::kHopEnqueuePath,
                        settings_.request_timeout);
    return shell_.open(std::move(router), settings_.processor_port);
  }

  void stop_accepting() override { shell_.stop_accepting(); }

  Status drain(Time deadline) override {
    const Time now = std::chrono::steady_clock::now();
    // Clients that dawdle may not use up the time of the messages already accepted.
    const Duration grace = settings_.drain_grace;
    Status edge = shell_.close(now + grace + (deadline - now - grace) / 2);
    queue_.producer->stop_accepting();
    queue_.consumer->stop_accepting();
    Status worked_off = pool_.drain(deadline);
    if (!worked_off.ok()) worked_off = give_up(worked_off);
    // With a worker still caught inside the sink, flushing it would wait as long as that does.
    const bool caught = pool_.stats().in_flight > 0;
    const Status flushed = caught ? Status() : sink_->flush();
    const Status kept = queue_.dead_letters->flush();
    if (worked_off.ok()) worked_off = queue_.consumer->drain(deadline);
    for (const Status& status : {worked_off, flushed, kept}) {
      if (!status.ok()) return status;
    }
    return edge;
  }

  void reopen() override {
    for (const Status& status : {sink_->reopen(), queue_.dead_letters->reopen()}) {
      if (!status.ok()) observe::error("can't reopen", {{"error", status.text()}});
    }
  }

 private:
  // Nothing is lost: a broker keeps what wasn't worked off in time; what is in memory, which is
  // gone with us, becomes dead letters.
  Status give_up(const Status& why) {
    pool_.abort();
    const Time deadline = std::chrono::steady_clock::now() + kAfterAbort;
    if (queue_.memory == nullptr) {
      observe::warn("not drained in time, the rest stays in the queue", {{"error", why.text()}});
      const Status abandoned = pool_.abandon(deadline, worker::Unfinished::give_back);
      return abandoned.ok() ? why : abandoned;
    }
    Status abandoned = pool_.abandon(deadline, worker::Unfinished::bury);
    const auto left = queue_.memory->take_waiting();
    std::vector<queue::DeadLetter> letters;
    for (const auto& waiting : left) {
      letters.push_back(queue::DeadLetter::of(waiting.message, kNotWorkedOff, waiting.attempt - 1));
    }
    const Status kept = letters.empty() ? Status() : queue_.dead_letters->write(letters);
    const std::uint64_t caught = pool_.stats().in_flight;
    observe::warn("not drained in time", {{"error", why.text()},
                                          {"dead_lettered_here", kept.ok() ? left.size() : 0},
                                          {"lost", caught + (kept.ok() ? 0 : left.size())}});
    if (!abandoned.ok()) return abandoned;
    return kept.ok() ? why : kept;
  }

  std::string stats_json() const {
    const auto pool = pool_.stats();
    nlohmann::ordered_json queue{{"type", settings_.queue_type},
                                 {"size", queue_.consumer->consumer_stats().waiting},
                                 {"capacity", queue_.capacity}};
    if (queue_.composite_producer != nullptr) {
      queue["composite_stats"] =
          composite_stats(*queue_.composite_producer, queue_.composite_consumer);
    }
    return nlohmann::ordered_json{{"queue", std::move(queue)},
                                  {"pool",
                                   {{"processed", pool.processed},
                                    {"errors", pool.errors},
                                    {"workers", pool.workers},
                                    {"busy", pool.busy},
                                    {"in_flight", pool.in_flight},
                                    {"retries", pool.retries},
                                    {"dead_letters", pool.dead_letters},
                                    {"duplicates", consumer_.duplicates()},
                                    {"stuck", pool.stuck}}}}
        .dump();
  }

  void register_queue_metrics() {
    observe::Registry& registry = shell_.registry;
    if (queue_.composite_producer != nullptr) {
      register_composite_metrics(registry, *queue_.composite_producer);
    }
    registry.gauge("millrace_queue_depth_messages",
                   "Messages waiting in the queue; what waits on NATS counts in frames.", [this] {
                     return static_cast<double>(queue_.consumer->consumer_stats().waiting);
                   });
    registry.gauge(
        "millrace_queue_capacity_messages",
        "Most messages (NATS: frames) the queue holds, waiting and in flight; 0 for no bound.",
        [this] { return static_cast<double>(queue_.capacity); });
    const auto consumer = [&](const char* name, const char* help,
                              std::uint64_t queue::ConsumerStats::*field) {
      registry.counter_from(name, help, [this, field] {
        return static_cast<double>(queue_.consumer->consumer_stats().*field);
      });
    };
    using Stats = queue::ConsumerStats;
    consumer("millrace_queue_received_total", "Deliveries given to workers.", &Stats::received);
    consumer("millrace_queue_acked_total", "Deliveries acked.", &Stats::acked);
    consumer("millrace_queue_retried_total", "Deliveries to be tried again.", &Stats::retried);
    consumer("millrace_queue_rejected_total", "Deliveries dead-lettered.", &Stats::rejected);
    consumer("millrace_queue_nacked_total", "Deliveries given back.", &Stats::nacked);
    registry.counter_from("millrace_queue_duplicates_total",
                          "Deliveries of an id that was in work or done already.",
                          [this] { return static_cast<double>(consumer_.duplicates()); });
    registry.counter_from("millrace_queue_stored_total", "Messages stored in the queue.", [this] {
      return static_cast<double>(queue_.producer->producer_stats().stored);
    });
    registry.counter_from(
        "millrace_queue_refused_total", "Messages refused: full, too large, or closed.",
        [this] { return static_cast<double>(queue_.producer->producer_stats().refused); });
  }

  const config::Settings settings_;
  Shell shell_;
  ProcessorQueue queue_;
  queue::DedupingConsumer consumer_;
  const std::unique_ptr<worker::Handler> handler_;
  const std::unique_ptr<sink::Sink> sink_;
  worker::Pool pool_;
  ProcessorHealth health_;
  edge::DeadLetterRoutes dlq_;
};

}  // namespace

std::unique_ptr<ServiceApp> make_processor(const config::Settings& settings) {
  return std::make_unique<Processor>(settings);
}

}  // namespace millrace::app
