#include "worker/pool.h"

#include <algorithm>
#include <iterator>
#include <pthread.h>
#include <system_error>
#include <utility>

#include "worker/worker.h"

namespace millrace::worker {

Pool::Pool(PoolOptions options, queue::Consumer& consumer, Handler& handler, sink::Sink& sink,
           queue::DeadLetters& dead_letters, PoolMetrics metrics)
    : options_(options),
      consumer_(consumer),
      handler_(handler),
      metrics_(std::move(metrics)),
      finisher_(sink, dead_letters, metrics_, options_.write_retry, *options_.clock),
      watchdog_(options_, slots_, finisher_, metrics_, census_) {
  for (std::size_t i = 0; i < options_.workers; ++i) slots_.push_back(std::make_unique<Slot>(i));
}

Pool::~Pool() { abort(); }

Status Pool::start() {
  census_.enter(static_cast<std::int64_t>(options_.workers));
  try {
    for (const auto& slot : slots_) {
      threads_.emplace_back([this, &slot = *slot] { run_worker(slot); });
    }
    watchdog_.start();
  } catch (const std::system_error& error) {
    census_.leave(static_cast<std::int64_t>(options_.workers - threads_.size()));
    abort();
    threads_.clear();
    return {Code::internal,
            "can't start " + std::to_string(options_.workers) + " worker threads: " + error.what()};
  }
  return {};
}

void Pool::run_worker(Slot& slot) {
  ::pthread_setname_np(::pthread_self(), ("worker-" + std::to_string(slot.index)).c_str());
  metrics_.gauges->workers.fetch_add(1, std::memory_order_relaxed);
  Worker(options_, consumer_, handler_, finisher_, metrics_, slot, stop_.get_token()).run();
  metrics_.gauges->workers.fetch_sub(1, std::memory_order_relaxed);
  census_.leave();
}

Status Pool::drain(Time deadline) {
  if (census_.wait_until_empty(deadline)) return {};
  return still_at_work();
}

void Pool::abort() { stop_.request_stop(); }

Status Pool::abandon(Time deadline, Unfinished unfinished) {
  abort();  // a worker that finds its slot gone ends because it was told to stop
  if (census_.wait_until_empty(deadline)) return {};
  std::vector<queue::Delivery> to_bury;
  for (const auto& slot : slots_) {
    if (!slot->ownership.take()) continue;
    Batch batch = std::exchange(slot->batch, Batch{});
    slot->ownership.keep();
    // What was handled is still good. What the sink doesn't take is treated like the rest.
    static_cast<void>(finisher_.finish(batch, Patience::once, {}));
    if (unfinished == Unfinished::give_back) {
      finisher_.give_back(batch);
    } else {
      std::move(batch.deliveries.begin(), batch.deliveries.end(), std::back_inserter(to_bury));
    }
  }
  Status status = finisher_.bury(to_bury, "not worked off before shutdown");
  if (status.ok() && metrics_.gauges->in_flight.load() > 0) return still_at_work();
  return status;
}

Status Pool::still_at_work() {
  return {Code::deadline, std::to_string(census_.count()) + " of " +
                              std::to_string(options_.workers) + " workers still at work, " +
                              std::to_string(metrics_.gauges->in_flight.load()) +
                              " messages in flight"};
}

Status Pool::health() const {
  if (Status failing = finisher_.health(); !failing.ok()) return failing;
  const std::int64_t stuck = metrics_.gauges->stuck_workers.load(std::memory_order_relaxed);
  if (stuck < static_cast<std::int64_t>(options_.workers)) return {};
  return {Code::unavailable, "all " + std::to_string(stuck) + " workers are stuck in a handler"};
}

PoolStats Pool::stats() const {
  const auto read = [](const std::atomic<std::int64_t>& gauge) {
    return static_cast<std::uint64_t>(gauge.load(std::memory_order_relaxed));
  };
  return {.processed = metrics_.processed.value(),
          .errors = metrics_.errors.value(),
          .workers = options_.workers,
          .busy = read(metrics_.gauges->busy_workers),
          .in_flight = read(metrics_.gauges->in_flight),
          .retries = metrics_.retries.value(),
          .dead_letters = metrics_.dead_letters.value(),
          .stuck = read(metrics_.gauges->stuck_workers)};
}

}  // namespace millrace::worker
