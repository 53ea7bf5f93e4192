#include "queue/memory/memory_queue.h"

#include <algorithm>
#include <chrono>

namespace millrace::queue {
namespace {

constexpr std::size_t kReceiveMax = 256;

std::string full_text(std::size_t capacity, std::uint64_t bytes_max) {
  return "the memory queue holds all it can, " + std::to_string(capacity) + " messages or " +
         std::to_string(bytes_max) + " bytes: try again later, or raise QUEUE_SIZE";
}

// Doubles, so that appending batch by batch stays linear.
void reserve_more(std::vector<Delivery>& out, std::size_t more) {
  if (out.capacity() - out.size() >= more) return;
  out.reserve(std::max(out.size() + more, 2 * out.capacity()));
}

}  // namespace

MemoryQueue::MemoryQueue(std::size_t capacity, Executor& executor, const Clock& clock,
                         std::uint64_t bytes_max)
    : executor_(executor),
      clock_(clock),
      full_(Code::full, full_text(capacity, bytes_max)),
      closed_(Code::closed, "the memory queue is shutting down"),
      room_(capacity, bytes_max),
      backlog_(capacity, clock) {}

void MemoryQueue::publish(std::vector<Message> batch, Time /*deadline*/, PublishDone done) {
  const Room::Grant grant = room_.reserve(batch);
  std::vector<Status> verdicts(batch.size());
  for (std::size_t i = grant.messages; i < batch.size(); ++i)
    verdicts[i] = refusal(grant, batch[i]);
  if (grant.messages < batch.size()) refused_.add(batch.size() - grant.messages);
  if (grant.messages > 0) {
    stored_.add(grant.messages);
    backlog_.push(std::span(batch).first(grant.messages));
    arrivals_.summon();
  }
  executor_.post([done = std::move(done), verdicts = std::move(verdicts)]() mutable {
    done(std::move(verdicts));
  });
}

Status MemoryQueue::refusal(const Room::Grant& grant, const Message& message) const {
  if (grant.closed) return closed_;
  if (message.size() <= room_.bytes_max()) return full_;
  return {Code::too_large, "a message of " + std::to_string(message.size()) +
                               " bytes can't fit into the memory queue, which holds " +
                               std::to_string(room_.bytes_max())};
}

Status MemoryQueue::receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                            const std::stop_token& stop) {
  if (max == 0) return {};
  for (;;) {
    if (aborted_.load(std::memory_order_relaxed)) return closed_;  // relaxed: a flag, no data
    if (take(out, std::min(max, kReceiveMax)) > 0) return {};
    if (room_.finished()) return closed_;
    if (stop.stop_requested() || clock_.now() >= deadline) return {};
    park_receiver(deadline, stop);
  }
}

std::size_t MemoryQueue::take(std::vector<Delivery>& out, std::size_t max) {
  reserve_more(out, max);
  const std::size_t taken = backlog_.take(max, [&](QueuedMessage&& queued) noexcept {
    const std::size_t bytes = queued.message.size();
    out.emplace_back(std::move(queued.message), queued.attempt, *this, bytes);
  });
  if (taken == 0) return 0;
  received_.add(taken);
  // Whoever leaves messages behind wakes the next. A publish wakes one receiver only: on few cores,
  // waking four to share a batch costs more than one takes to work it off.
  if (backlog_.ready()) arrivals_.summon();
  return taken;
}

// Invariant: a receiver sleeps no longer than until the backlog's next due time, because it reads
// that after it announced itself, and who makes it earlier wakes all.
void MemoryQueue::park_receiver(Time deadline, const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { arrivals_.notify_all(); });
  const EventCount::Key key = arrivals_.prepare_wait();
  const Time next = backlog_.next_due();
  const bool look_again = backlog_.ready() || room_.finished() || stop.stop_requested() ||
                          aborted_.load(std::memory_order_relaxed);
  if (look_again) {
    arrivals_.cancel_wait();
  } else {
    arrivals_.wait(key, real_time(std::min(deadline, next)));
  }
}

void MemoryQueue::on_ack(Delivery& delivery) noexcept { on_ack_all({&delivery, 1}); }

void MemoryQueue::on_ack_all(std::span<Delivery> deliveries) noexcept {
  std::uint64_t bytes = 0;
  for (const Delivery& delivery : deliveries) bytes += delivery.token();
  acked_.add(deliveries.size());
  release(deliveries.size(), bytes);
}

void MemoryQueue::on_reject(Delivery& delivery, std::string_view /*why*/) noexcept {
  rejected_.add();
  release(1, delivery.token());
}

void MemoryQueue::on_retry(Delivery& delivery, Duration delay, std::string_view /*why*/) noexcept {
  retried_.add();
  give_back(delivery, delivery.attempt() + 1, due(delay));
}

void MemoryQueue::on_nack(Delivery& delivery) noexcept {
  nacked_.add();
  give_back(delivery, delivery.attempt(), DelayList::kAtOnce);
}

void MemoryQueue::give_back(Delivery& delivery, std::uint32_t attempt, Time due) {
  if (backlog_.push_back(QueuedMessage(delivery.take_message(), attempt), due))
    arrivals_.notify_all();
}

void MemoryQueue::release(std::uint64_t messages, std::uint64_t bytes) {
  if (!room_.release(messages, bytes)) return;
  arrivals_.notify_all();
  settled_.notify_all();
}

void MemoryQueue::stop_accepting() {
  room_.close();
  backlog_.make_all_due();
  arrivals_.notify_all();
}

Status MemoryQueue::drain(Time deadline) {
  for (;;) {
    if (room_.finished()) return {};
    if (aborted_.load(std::memory_order_relaxed) || clock_.now() >= deadline) {
      return {Code::deadline, std::to_string(room_.messages()) +
                                  " messages of the memory queue are not settled yet"};
    }
    const EventCount::Key key = settled_.prepare_wait();
    if (room_.finished() || aborted_.load(std::memory_order_relaxed)) {
      settled_.cancel_wait();
    } else {
      settled_.wait(key, real_time(deadline));
    }
  }
}

void MemoryQueue::abort() {
  aborted_.store(true, std::memory_order_relaxed);  // the notifications below order it
  stop_accepting();
  settled_.notify_all();
}

std::vector<QueuedMessage> MemoryQueue::take_waiting() {
  std::vector<QueuedMessage> out;
  std::uint64_t bytes = 0;
  backlog_.take_all([&](QueuedMessage&& queued) {
    bytes += queued.message.size();
    out.push_back(std::move(queued));
  });
  if (!out.empty()) release(out.size(), bytes);
  return out;
}

Status MemoryQueue::health() const {
  if (room_.closed()) return closed_;
  if (room_.messages() >= room_.capacity() || room_.bytes() >= room_.bytes_max()) return full_;
  return {};
}

ProducerStats MemoryQueue::producer_stats() const {
  ProducerStats stats;
  stats.stored = stored_.value();
  stats.refused = refused_.value();
  stats.published = stats.stored + stats.refused;  // the verdict is known within publish()
  return stats;
}

ConsumerStats MemoryQueue::consumer_stats() const {
  ConsumerStats stats;
  // Settlements first: each was counted as received before, so none is ahead of its receipt.
  stats.acked = acked_.value();
  stats.retried = retried_.value();
  stats.rejected = rejected_.value();
  stats.nacked = nacked_.value();
  const std::uint64_t settled = stats.acked + stats.retried + stats.rejected + stats.nacked;
  stats.received = std::max(received_.value(), settled);
  stats.in_flight = stats.received - settled;
  stats.waiting = size();
  return stats;
}

// A delay so long that the sum would overflow means never.
Time MemoryQueue::due(Duration delay) const {
  const Time now = clock_.now();
  return delay >= Time::max() - now ? Time::max() - Duration(1) : now + delay;
}

// When the steady clock reaches `deadline` of our own clock, at most an hour from now: who waits
// looks again anyhow, and nothing overflows.
Time MemoryQueue::real_time(Time deadline) const {
  const Time now = clock_.now();
  if (deadline <= now) return system_clock().now();
  return system_clock().now() + std::min<Duration>(deadline - now, std::chrono::hours(1));
}

}  // namespace millrace::queue
