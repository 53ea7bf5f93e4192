#include "conformance/simple_queue.h"

#include <algorithm>

#include "fakes/messages.h"

namespace millrace::conformance {

using queue::Delivery;

void SimpleQueue::publish(std::vector<Message> batch, Time deadline, queue::PublishDone done) {
  std::vector<Status> verdicts;
  {
    const MutexLock lock(mutex_);
    const bool late = deadline < system_clock().now();
    for (Message& message : batch) verdicts.push_back(store(std::move(message), late));
    if (has(Fault::reorders) && batch.size() > 1) std::swap(waiting_.front(), waiting_.back());
    if (!has(Fault::sleeps_through_publish)) changed_.notify_all();
  }
  answer(std::move(done), std::move(verdicts));
}

Status SimpleQueue::store(Message message, bool late) {
  ++produced_.published;
  if (closed_ && !has(Fault::accepts_after_close)) {
    ++produced_.refused;
    return {Code::closed, "closed"};
  }
  const std::size_t held = has(Fault::forgets_what_is_in_flight) ? waiting_.size() : unsettled_;
  const bool full = held >= capacity_;
  const bool lie = late && has(Fault::lies_about_late_publish);
  const bool lost = has(Fault::loses_every_100th) && produced_.published % 100 == 0;
  const int copies = has(Fault::delivers_twice) ? 2 : 1;
  if (!lost && (!full || has(Fault::keeps_what_it_refused))) {
    if (has(Fault::truncates_payload)) {
      message = fakes::make_message(0, "short");
    }
    for (int i = 0; i < copies; ++i) waiting_.push_back({message, 1, Time::min()});
    unsettled_ += static_cast<std::size_t>(copies);
  }
  if (lie || (full && !has(Fault::says_ok_when_full))) {
    if (!has(Fault::unbalanced_producer_books)) ++produced_.refused;
    return {Code::full, "full"};
  }
  ++produced_.stored;
  return {};
}

void SimpleQueue::answer(queue::PublishDone done, std::vector<Status> verdicts) {
  if (has(Fault::done_never)) return;
  if (has(Fault::too_few_verdicts) && verdicts.size() > 1) verdicts.pop_back();
  if (has(Fault::done_inline)) {
    done(std::move(verdicts));
    return;
  }
  if (has(Fault::abort_forgets_done)) {
    const MutexLock lock(mutex_);
    forgotten_.push_back(std::move(done));
    return;
  }
  const int times = has(Fault::done_twice) ? 2 : 1;
  executor_.post([done = std::move(done), verdicts = std::move(verdicts), times]() mutable {
    for (int i = 0; i < times; ++i) done(verdicts);
  });
}

bool SimpleQueue::take_due(std::vector<Delivery>& out, std::size_t max) {
  const Time now = system_clock().now();
  const bool all_due = closed_ || has(Fault::ignores_delay);
  const auto is_due = [&](const Waiting& w) { return all_due || w.due <= now; };
  if (has(Fault::ignores_max)) max = waiting_.size();
  const std::size_t before = out.size();
  for (auto it = waiting_.begin(); it != waiting_.end() && out.size() - before < max;) {
    if (!is_due(*it)) {
      ++it;
      continue;
    }
    out.emplace_back(std::move(it->message), it->attempt, *this);
    it = waiting_.erase(it);
  }
  consumed_.received += out.size() - before;
  return out.size() > before;
}

bool SimpleQueue::at_end() const {
  if (aborted_) return true;
  if (!closed_ || has(Fault::never_says_closed)) return false;
  return has(Fault::says_closed_too_early) ? waiting_.empty() : unsettled_ == 0;
}

Time SimpleQueue::next_due() const {
  Time next = Time::max();
  for (const Waiting& waiting : waiting_) next = std::min(next, waiting.due);
  return next;
}

Status SimpleQueue::receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                            const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    const MutexLock lock(mutex_);
    changed_.notify_all();
  });
  MutexLock lock(mutex_);
  const bool stoppable = !has(Fault::ignores_stop);
  if (has(Fault::ignores_deadline)) deadline += std::chrono::milliseconds(400);
  while (!take_due(out, max)) {
    if (at_end()) return {Code::closed, "closed"};
    if (stoppable && stop.stop_requested()) return {};
    if (has(Fault::returns_early) || system_clock().now() >= deadline) return {};
    lock.wait_until(changed_, std::min(deadline, next_due()));
  }
  return {};
}

void SimpleQueue::settle() {
  --unsettled_;
  if (!has(Fault::leaves_receivers_parked)) changed_.notify_all();
}

void SimpleQueue::come_back(Delivery& delivery, std::uint32_t attempt, Time due) {
  waiting_.push_back({delivery.take_message(), attempt, due});
  if (!has(Fault::sleeps_through_return)) changed_.notify_all();
}

void SimpleQueue::on_ack(Delivery& delivery) noexcept {
  const MutexLock lock(mutex_);
  if (has(Fault::redelivers_acked) && consumed_.acked++ == 0) {
    return come_back(delivery, delivery.attempt(), Time::min());
  }
  if (!has(Fault::unbalanced_consumer_books)) ++consumed_.acked;
  settle();
}

void SimpleQueue::on_retry(Delivery& delivery, Duration delay, std::string_view) noexcept {
  const MutexLock lock(mutex_);
  ++consumed_.retried;
  if (has(Fault::forgets_retried)) return settle();
  const std::uint32_t next = delivery.attempt() + (has(Fault::wrong_attempt) ? 0 : 1);
  come_back(delivery, next, system_clock().now() + delay);
}

void SimpleQueue::on_reject(Delivery& delivery, std::string_view) noexcept {
  const MutexLock lock(mutex_);
  if (has(Fault::redelivers_rejected) && consumed_.rejected++ == 0) {
    return come_back(delivery, delivery.attempt(), Time::min());
  }
  ++consumed_.rejected;
  settle();
}

void SimpleQueue::on_nack(Delivery& delivery) noexcept {
  const MutexLock lock(mutex_);
  ++consumed_.nacked;
  if (has(Fault::forgets_nacked)) return settle();
  come_back(delivery, delivery.attempt(), Time::min());
}

void SimpleQueue::stop_accepting() {
  const MutexLock lock(mutex_);
  closed_ = true;
  if (has(Fault::discards_at_close)) {
    unsettled_ -= waiting_.size();
    waiting_.clear();
  }
  changed_.notify_all();
}

Status SimpleQueue::drain(Time deadline) {
  if (has(Fault::drain_ignores_deadline)) deadline += std::chrono::milliseconds(400);
  MutexLock lock(mutex_);
  while (unsettled_ > 0 && !aborted_ && !has(Fault::drain_does_not_wait)) {
    if (system_clock().now() >= deadline) return {Code::deadline, "not settled yet"};
    lock.wait_until(changed_, deadline);
  }
  return {};
}

void SimpleQueue::abort() {
  const MutexLock lock(mutex_);
  closed_ = aborted_ = true;
  changed_.notify_all();
}

void SimpleQueue::restart() {
  const MutexLock lock(mutex_);
  closed_ = false;
  if (!has(Fault::forgets_at_restart)) return;
  unsettled_ -= waiting_.size();
  waiting_.clear();
}

Status SimpleQueue::health() const {
  const MutexLock lock(mutex_);
  return closed_ ? Status(Code::closed, "closed") : Status();
}

queue::ProducerStats SimpleQueue::producer_stats() const {
  const MutexLock lock(mutex_);
  return produced_;
}

queue::ConsumerStats SimpleQueue::consumer_stats() const {
  const MutexLock lock(mutex_);
  queue::ConsumerStats stats = consumed_;
  stats.in_flight = unsettled_ - waiting_.size();
  stats.waiting = waiting_.size();
  return stats;
}

}  // namespace millrace::conformance
