#include "worker/worker.h"

#include <algorithm>
#include <utility>

#include "worker/pause.h"
#include "worker/text.h"

namespace millrace::worker {

Worker::Worker(const PoolOptions& options, queue::Consumer& consumer, Handler& handler,
               Finisher& finisher, const PoolMetrics& metrics, Slot& slot, std::stop_token stop)
    : options_(options),
      consumer_(consumer),
      handler_(handler),
      finisher_(finisher),
      metrics_(metrics),
      slot_(slot),
      stop_(std::move(stop)),
      context_{.attempt = 1, .deadline = {}, .stop = stop_},
      handler_times_s_(metrics.handler_s),
      random_(std::random_device{}()),
      average_ns_(options.batch_time.count()) {}

void Worker::run() {
  std::atomic<std::int64_t>& busy = metrics_.gauges->busy_workers;
  while (!stop_.stop_requested() && receive()) {
    if (slot_.batch.deliveries.empty()) continue;
    busy.fetch_add(1, std::memory_order_relaxed);
    work_off();
    busy.fetch_sub(1, std::memory_order_relaxed);
  }
}

bool Worker::receive() {
  auto& deliveries = slot_.batch.deliveries;
  const Status status = consumer_.receive(deliveries, batch_size(), Time::max(), stop_);
  if (!deliveries.empty()) {
    metrics_.batch_size.observe(static_cast<double>(deliveries.size()));
    metrics_.gauges->in_flight.fetch_add(static_cast<std::int64_t>(deliveries.size()),
                                         std::memory_order_relaxed);
    return true;
  }
  if (status.code() == Code::closed) return false;
  if (!status.ok()) {
    static observe::Throttle throttle(std::chrono::seconds(5));
    if (auto pass = throttle.pass()) {
      observe::warn("nothing received from the queue",
                    {{"error", to_string(status)}, {"suppressed", pass.suppressed}});
    }
    pause(stop_, options_.write_retry.base);
  }
  return true;
}

void Worker::work_off() {
  Batch& batch = slot_.batch;
  while (!batch.deliveries.empty() && !stop_.stop_requested()) {
    if (!handle_some()) return;
    if (!finisher_.finish(batch, Patience::until_stopped, stop_)) break;
  }
  finisher_.give_back(batch);
}

bool Worker::handle_some() {
  const Time begin = options_.clock->now();
  Time now = begin;
  do {
    if (!handle_next(now)) return false;
    const Time then = std::exchange(now, options_.clock->now());
    learn(now - then);
  } while (!slot_.batch.all_handled() && now - begin < options_.batch_time &&
           !stop_.stop_requested());
  handler_times_s_.flush();
  return true;
}

bool Worker::handle_next(Time now) {
  const queue::Delivery& next = slot_.batch.deliveries[slot_.batch.verdicts.size()];
  if (!next.message().parse_into(message_)) {
    message_.Clear();
    judge(next, Reject{"not a diplom.v1.DataMessage"});
    return true;
  }
  context_.attempt = next.attempt();
  context_.deadline = now + options_.handler_timeout;
  slot_.handler_started = now;
  slot_.reported_stuck = false;
  slot_.ownership.lend();
  Outcome outcome = handler_.handle(message_, context_);
  if (!slot_.ownership.reclaim()) return false;
  // A visitor may have taken the others: look the delivery up again (invariant 5).
  judge(slot_.batch.deliveries[slot_.batch.verdicts.size()], std::move(outcome));
  return true;
}

void Worker::judge(const queue::Delivery& delivery, Outcome outcome) {
  if (auto* done = std::get_if<Done>(&outcome)) {
    auto& result = slot_.batch.results.add();
    const std::string_view id = delivery.message().id();
    result.set_message_id(id.data(), id.size());
    result.set_success(true);
    result.set_result(std::move(done->result));
    slot_.batch.verdicts.push_back({.timestamp_s = message_.timestamp()});
  } else if (auto* later = std::get_if<RetryLater>(&outcome)) {
    if (delivery.attempt() >= options_.max_attempts) {
      judge_failed(delivery, "gave up after " + std::to_string(delivery.attempt()) +
                                 " attempts: " + later->why);
      return;
    }
    const Duration delay = later->after > Duration::zero()
                               ? std::min(later->after, kRetryAfterMax)
                               : options_.backoff.jittered(delivery.attempt(), random_);
    slot_.batch.verdicts.push_back({.kind = Verdict::Kind::retry,
                                    .delay = delay,
                                    .why = bounded_text(later->why),
                                    .timestamp_s = message_.timestamp()});
  } else {
    judge_failed(delivery, std::move(std::get<Reject>(outcome).why));
  }
}

void Worker::judge_failed(const queue::Delivery& delivery, std::string why) {
  why = bounded_text(why);
  auto& result = slot_.batch.results.add();
  const std::string_view id = delivery.message().id();
  result.set_message_id(id.data(), id.size());
  result.set_success(false);
  result.set_error(why);
  slot_.batch.verdicts.push_back({.kind = Verdict::Kind::dead_letter,
                                  .why = std::move(why),
                                  .timestamp_s = message_.timestamp()});
}

std::size_t Worker::batch_size() const {
  const std::int64_t fits = options_.batch_time.count() / std::max<std::int64_t>(average_ns_, 1);
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(fits, 1, static_cast<std::int64_t>(options_.batch_max)));
}

void Worker::learn(Duration took) {
  handler_times_s_.observe(std::chrono::duration<double>(took).count());
  average_ns_ += (took.count() - average_ns_) / 8;
}

}  // namespace millrace::worker
