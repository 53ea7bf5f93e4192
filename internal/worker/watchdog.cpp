#include "worker/watchdog.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "worker/pause.h"

namespace millrace::worker {

void Watchdog::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Watchdog::run(const std::stop_token& stop) {
  const Duration period =
      std::clamp<Duration>(std::min(options_.handler_timeout, options_.rescue_after) / 4,
                           std::chrono::milliseconds(1), std::chrono::seconds(1));
  while (!stop.stop_requested()) {
    look();
    pause(stop, period);
  }
}

void Watchdog::look() {
  const Time now = options_.clock->now();
  Findings findings;
  // Before anything is taken, so that no moment sees the deliveries without somebody at work.
  census_.enter();
  for (const auto& slot : slots_) {
    if (!slot->ownership.take()) continue;
    examine(*slot, now, findings);
    slot->ownership.hand_back();
  }
  act(findings);
  census_.leave();
}

void Watchdog::examine(Slot& slot, Time now, Findings& findings) const {
  const Duration running = now - slot.handler_started;
  Batch& batch = slot.batch;
  if (running >= options_.handler_timeout) {
    ++findings.stuck;
    if (!std::exchange(slot.reported_stuck, true)) {
      const auto id = batch.deliveries[batch.verdicts.size()].message().id();
      findings.to_report.push_back(
          {std::string(id), slot.index, std::chrono::duration<double>(running).count()});
    }
  }
  if (running >= options_.rescue_after && batch.deliveries.size() > 1) rescue(batch, findings);
}

// Leaves in `from` only the delivery that is in the handler.
void Watchdog::rescue(Batch& from, Findings& findings) {
  const auto in_handler =
      std::next(from.deliveries.begin(), static_cast<std::ptrdiff_t>(from.verdicts.size()));
  Batch not_begun;
  not_begun.deliveries.assign(std::make_move_iterator(std::next(in_handler)),
                              std::make_move_iterator(from.deliveries.end()));
  queue::Delivery current = std::move(*in_handler);
  from.deliveries.erase(in_handler, from.deliveries.end());
  Batch handled = std::exchange(from, Batch{});
  from.deliveries.push_back(std::move(current));
  if (!handled.deliveries.empty()) findings.handled.push_back(std::move(handled));
  if (!not_begun.deliveries.empty()) findings.not_begun.push_back(std::move(not_begun));
}

void Watchdog::act(Findings& findings) {
  metrics_.gauges->stuck_workers.store(findings.stuck, std::memory_order_relaxed);
  for (const Stuck& stuck : findings.to_report) {
    observe::warn("handler stuck", {{"message_id", stuck.message_id},
                                    {"worker", stuck.worker},
                                    {"running_s", stuck.running_s}});
  }
  for (Batch& batch : findings.not_begun) {
    metrics_.rescued.add(batch.deliveries.size());
    finisher_.give_back(batch);
  }
  for (Batch& batch : findings.handled) {
    metrics_.rescued.add(batch.deliveries.size());
    // Once: the watchdog must not wait for a sink. What it doesn't take is handled again later.
    if (!finisher_.finish(batch, Patience::once, {})) finisher_.give_back(batch);
  }
}

}  // namespace millrace::worker
