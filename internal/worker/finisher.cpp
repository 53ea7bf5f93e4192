#include "worker/finisher.h"

#include <iterator>
#include <utility>

#include "worker/pause.h"

namespace millrace::worker {
namespace {

std::vector<queue::DeadLetter> dead_letters_of(const Batch& batch) {
  std::vector<queue::DeadLetter> letters;
  for (std::size_t i = 0; i < batch.verdicts.size(); ++i) {
    if (batch.verdicts[i].kind != Verdict::Kind::dead_letter) continue;
    letters.push_back(queue::DeadLetter::of(batch.deliveries[i], batch.verdicts[i].why));
  }
  return letters;
}

}  // namespace

bool Finisher::finish(Batch& batch, Patience patience, const std::stop_token& stop) {
  const auto results = batch.results.all();
  if (!results.empty()) {
    const std::int64_t now_s = clock_.unix_seconds();
    for (auto& result : results) result.set_processed_at(now_s);
    if (!persist("results", metrics_.sink_failures, patience, stop,
                 [&] { return sink_.write(results); })) {
      return false;
    }
    metrics_.sink_writes.add();
  }
  const std::vector<queue::DeadLetter> letters = dead_letters_of(batch);
  if (!letters.empty()) {
    if (!persist("dead letters", metrics_.dead_letter_failures, patience, stop,
                 [&] { return dead_letters_.write(letters); })) {
      return false;
    }
    metrics_.dead_letters.add(letters.size());
  }
  settle(batch);
  return true;
}

template <class Write>
bool Finisher::persist(std::string_view what, observe::Counter& failures, Patience patience,
                       const std::stop_token& stop, Write write) {
  for (std::uint32_t attempt = 1;; ++attempt) {
    const bool last = patience == Patience::once || stop.stop_requested();
    const Status status = write();
    note(status);
    if (status.ok()) return true;
    failures.add();
    if (auto pass = throttle_.pass()) {
      observe::warn("write failed, nothing is settled", {{"what", what},
                                                         {"error", status.text()},
                                                         {"tried_again", !last},
                                                         {"suppressed", pass.suppressed}});
    }
    if (last) return false;
    pause(stop, write_retry_.bound(attempt));
  }
}

void Finisher::note(const Status& write) {
  if (write.ok() && !failing_.load(std::memory_order_relaxed)) return;
  const MutexLock lock(mutex_);
  latest_failure_ = write;
  failing_.store(!write.ok(), std::memory_order_relaxed);
}

Status Finisher::health() const {
  const MutexLock lock(mutex_);
  return latest_failure_;
}

void Finisher::settle(Batch& batch) {
  observe_ages(batch);
  const std::size_t count = batch.verdicts.size();
  std::uint64_t done = 0;
  std::uint64_t retried = 0;
  std::uint64_t failed = 0;
  std::size_t acks = 0;  // the latest so many verdicts, not told yet
  const auto ack = [&](std::size_t end) {
    queue::Delivery::ack_all(std::span(batch.deliveries).subspan(end - acks, acks));
    done += std::exchange(acks, 0);
  };
  for (std::size_t i = 0; i < count; ++i) {
    queue::Delivery& delivery = batch.deliveries[i];
    const Verdict& verdict = batch.verdicts[i];
    if (verdict.kind != Verdict::Kind::ack) ack(i);
    switch (verdict.kind) {
      case Verdict::Kind::ack:
        ++acks;
        break;
      case Verdict::Kind::retry:
        std::move(delivery).retry(verdict.delay, verdict.why);
        ++retried;
        break;
      case Verdict::Kind::dead_letter:
        std::move(delivery).reject(verdict.why);
        ++failed;
        break;
    }
  }
  ack(count);
  batch.deliveries.erase(batch.deliveries.begin(),
                         std::next(batch.deliveries.begin(), static_cast<std::ptrdiff_t>(count)));
  batch.verdicts.clear();
  batch.results.clear();
  if (done > 0) metrics_.processed.add(done);
  if (retried > 0) metrics_.retries.add(retried);
  if (failed > 0) metrics_.errors.add(failed);
  left(count);
}

// Messages accepted together have the same age in milliseconds: one observation for each such run.
void Finisher::observe_ages(Batch& batch) {
  const std::int64_t now_ms = clock_.unix_ms();
  std::int64_t run_age_ms = 0;
  std::uint64_t run_length = 0;
  const auto flush_run = [&] {
    if (run_length > 0) {
      metrics_.end_to_end_s.observe(static_cast<double>(run_age_ms) / 1000.0, run_length);
    }
  };
  for (std::size_t i = 0; i < batch.verdicts.size(); ++i) {
    if (batch.verdicts[i].kind == Verdict::Kind::retry) continue;
    const std::int64_t age =
        age_ms(batch.deliveries[i].message().id(), batch.verdicts[i].timestamp_s, now_ms);
    if (age != run_age_ms) {
      flush_run();
      run_age_ms = age;
      run_length = 0;
    }
    ++run_length;
  }
  flush_run();
}

void Finisher::give_back(Batch& batch) {
  const std::size_t count = batch.deliveries.size();
  batch.deliveries.clear();
  batch.verdicts.clear();
  batch.results.clear();
  left(count);
}

Status Finisher::bury(std::vector<queue::Delivery>& deliveries, std::string_view reason) {
  if (deliveries.empty()) return {};
  std::vector<queue::DeadLetter> letters;
  for (const auto& delivery : deliveries) {
    letters.push_back(queue::DeadLetter::of(delivery, reason));
  }
  Status status = dead_letters_.write(letters);
  if (status.ok()) {
    metrics_.dead_letters.add(letters.size());
    for (auto& delivery : deliveries) std::move(delivery).reject(reason);
  } else {
    metrics_.dead_letter_failures.add();
  }
  const std::size_t count = deliveries.size();
  deliveries.clear();
  left(count);
  return status;
}

void Finisher::left(std::size_t count) {
  if (count == 0) return;
  metrics_.gauges->in_flight.fetch_sub(static_cast<std::int64_t>(count), std::memory_order_relaxed);
}

}  // namespace millrace::worker
