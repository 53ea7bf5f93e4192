#include "worker/pool_metrics.h"

namespace millrace::worker {

PoolMetrics register_pool_metrics(observe::Registry& registry) {
  auto gauges = std::make_shared<PoolGauges>();
  const auto gauge = [&](const char* name, const char* help,
                         std::atomic<std::int64_t> PoolGauges::*value) {
    registry.gauge(name, help, [gauges, value] {
      return static_cast<double>((*gauges.*value).load(std::memory_order_relaxed));
    });
  };
  gauge("millrace_pool_workers", "Worker threads that run.", &PoolGauges::workers);
  gauge("millrace_pool_busy_workers", "Workers that have a batch in their hands.",
        &PoolGauges::busy_workers);
  gauge("millrace_pool_in_flight", "Messages received by the pool and not settled.",
        &PoolGauges::in_flight);
  gauge("millrace_pool_stuck_workers", "Workers whose handler runs longer than its timeout.",
        &PoolGauges::stuck_workers);
  return {
      .processed = registry.counter("millrace_pool_processed_total",
                                    "Messages worked off with success and acked."),
      .errors = registry.counter("millrace_pool_errors_total",
                                 "Messages worked off in failure and dead-lettered."),
      .retries = registry.counter("millrace_pool_retries_total",
                                  "Messages given back to be tried again later."),
      .dead_letters = registry.counter("millrace_pool_dead_letters_total",
                                       "Dead letters written, those of a shutdown included."),
      .rescued = registry.counter("millrace_pool_rescued_total",
                                  "Messages taken from a batch whose handler ran long."),
      .sink_writes = registry.counter("millrace_sink_writes_total", "Batches the sink took."),
      .sink_failures = registry.counter("millrace_sink_write_failures_total",
                                        "Batches the sink did not take; each is tried again."),
      .dead_letter_failures =
          registry.counter("millrace_dead_letter_write_failures_total",
                           "Writes of dead letters that failed; each is tried again."),
      .batch_size =
          registry.histogram("millrace_pool_batch_size", "Messages a worker received at once.",
                             observe::batch_size_bounds()),
      .handler_s = registry.histogram("millrace_handler_seconds",
                                      "Time to decode a message and run its handler.",
                                      observe::duration_bounds_s()),
      .end_to_end_s = registry.histogram(
          "millrace_end_to_end_seconds",
          "From a message's acceptance to its result in the sink, successes and failures alike.",
          observe::duration_bounds_s()),
      .gauges = std::move(gauges),
  };
}

}  // namespace millrace::worker
