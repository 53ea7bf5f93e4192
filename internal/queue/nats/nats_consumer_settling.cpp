// What becomes of what the consumer handed out, and of what it didn't.
#include <bit>

#include "observe/log.h"
#include "queue/nats/nats_consumer.h"

namespace millrace::queue {
namespace {

constexpr std::chrono::seconds kForeignRetry{1};

}  // namespace

void NatsConsumer::bury_foreign(Part& part, const Status& why) {
  DeadLetter letter;
  const std::string reason = "not a message of ours: " + why.text();
  const std::uint64_t sequence = part.held->sequence;
  letter.wire = part.wire;
  letter.reason = reason;
  letter.attempts = 0;
  letter.origin = {options_.stream, -1, static_cast<std::int64_t>(sequence), 0};
  if (const Status kept = foreign_.write({&letter, 1}); !kept.ok()) {
    static observe::Throttle throttle(std::chrono::seconds(5));
    if (auto pass = throttle.pass()) {
      observe::warn("a foreign message can't be dead-lettered yet",
                    {{"error", kept.text()}, {"suppressed", pass.suppressed}});
    }
    return put_back(part, &ConsumerStats::nacked, kForeignRetry);
  }
  observe::warn("foreign message dead-lettered",
                {{"stream", options_.stream}, {"sequence", sequence}, {"reason", reason}});
  settle(part, &ConsumerStats::rejected, Verdict::never);
}

NatsConsumer::Part& NatsConsumer::part_of(const Delivery& delivery) {
  return *std::bit_cast<Part*>(static_cast<std::uintptr_t>(delivery.token()));
}

bool NatsConsumer::Part::alone() const { return held->parts.size() == 1; }

void NatsConsumer::settle(Part& part, std::uint64_t ConsumerStats::*book, Verdict verdict) {
  Held& held = *part.held;
  // acq_rel: the last one sees what the others wanted.
  const bool last = held.left.fetch_sub(1, std::memory_order_acq_rel) == 1;
  if (last) tell(held, verdict);
  const MutexLock lock(mutex_);
  if (last) release(held);
  close_books(book, 1);
}

void NatsConsumer::close_books(std::uint64_t ConsumerStats::*book, std::size_t count) {
  stats_.*book += count;
  stats_.in_flight -= count;
  if (closed_ && stats_.in_flight == 0) {
    settled_.notify_all();
    arrivals_.notify_all();
  }
}

// When the server can't be told it delivers the message again, after ack_wait at the latest.
void NatsConsumer::tell(Held& held, Verdict verdict) {
  if (held.parts.size() > 1) verdict = Verdict::done;
  if (held.give_back) verdict = Verdict::again;
  if (verdict != Verdict::again && held.delivered > 1) {
    const MutexLock lock(mutex_);
    history_.forget(held.sequence);
  }
  natsMsg* const message = held.message.get();
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(held.due - std::chrono::steady_clock::now())
          .count();
  switch (verdict) {
    case Verdict::done:
      static_cast<void>(natsMsg_Ack(message, nullptr));
      break;
    case Verdict::never:
      static_cast<void>(natsMsg_Term(message, nullptr));
      break;
    case Verdict::again:
      static_cast<void>(wait > 0 ? natsMsg_NakWithDelay(message, wait, nullptr)
                                 : natsMsg_Nak(message, nullptr));
      break;
  }
}

void NatsConsumer::release(Held& held) {
  held.message.reset();
  held.source.reset();
  if (held.parts.size() > 1) {
    frame_bytes_ -= held.bytes;
    held.parts = std::vector<Part>();  // a slot in reserve takes no frame's room
  }
  held.parts.clear();
  held.bytes = 0;
  held.due = {};
  held.next = 0;
  held.give_back = false;
  held.broken = {};
  free_.push_back(&held);
  if (wants_more()) room_.notify_one();
}

void NatsConsumer::put_back(Part& part, std::uint64_t ConsumerStats::*book, Duration delay) {
  const Time due = std::chrono::steady_clock::now() + delay;
  {
    const MutexLock lock(mutex_);
    if (!part.alone() && !closed_) {
      waiting_.push({due, &part});
      arrivals_.notify_one();
      return close_books(book, 1);
    }
    leave_to_server(*part.held, due);
  }
  settle(part, book, Verdict::again);
}

// All of it comes again at once, so none comes before it is due.
void NatsConsumer::leave_to_server(Held& held, Time due) {
  held.give_back = true;
  held.due = std::max(held.due, due);
}

void NatsConsumer::on_ack(Delivery& delivery) noexcept {
  settle(part_of(delivery), &ConsumerStats::acked, Verdict::done);
}

// The messages of a frame mostly come together, so they are counted together.
void NatsConsumer::on_ack_all(std::span<Delivery> deliveries) noexcept {
  std::vector<Held*> done;
  for (std::size_t i = 0; i < deliveries.size();) {
    Held& held = *part_of(deliveries[i]).held;
    std::size_t count = 0;
    for (; i < deliveries.size() && part_of(deliveries[i]).held == &held; ++i) ++count;
    if (held.left.fetch_sub(count, std::memory_order_acq_rel) == count) done.push_back(&held);
  }
  for (Held* held : done) tell(*held, Verdict::done);
  const MutexLock lock(mutex_);
  for (Held* held : done) release(*held);
  close_books(&ConsumerStats::acked, deliveries.size());
}

void NatsConsumer::on_reject(Delivery& delivery, std::string_view /*why*/) noexcept {
  settle(part_of(delivery), &ConsumerStats::rejected, Verdict::never);
}

void NatsConsumer::on_retry(Delivery& delivery, Duration delay, std::string_view /*why*/) noexcept {
  Part& part = part_of(delivery);
  const std::int64_t now_ms = system_clock().unix_ms();
  if (part.first_failed_ms == 0) part.first_failed_ms = now_ms;
  ++part.failed;
  if (part.alone()) {
    const MutexLock lock(mutex_);
    history_.note_failed(part.held->sequence, system_clock().now(), now_ms);
  }
  put_back(part, &ConsumerStats::retried, delay);
}

void NatsConsumer::on_nack(Delivery& delivery) noexcept {
  Part& part = part_of(delivery);
  if (part.alone()) {
    const MutexLock lock(mutex_);
    history_.note_unhandled(part.held->sequence, system_clock().now());
  }
  put_back(part, &ConsumerStats::nacked, {});
}

Origin NatsConsumer::origin(const Delivery& delivery) const {
  const Part& part = part_of(delivery);
  const Held& held = *part.held;
  Origin origin{options_.stream, -1, static_cast<std::int64_t>(held.sequence), 0};
  const MutexLock lock(mutex_);
  origin.first_failed_ms =
      part.first_failed_ms != 0 ? part.first_failed_ms : history_.first_failed_ms(held.sequence);
  return origin;
}

void NatsConsumer::give_back_buffer(bool all) {
  std::vector<Held*> back;
  const auto leave = [&](Held& held, Time due, std::size_t parts) {
    leave_to_server(held, due);
    if (held.left.fetch_sub(parts, std::memory_order_acq_rel) == parts) back.push_back(&held);
  };
  {
    const MutexLock lock(mutex_);
    for (; !waiting_.empty(); waiting_.pop()) {
      leave(*waiting_.top().part->held, waiting_.top().due, 1);
    }
    while (!buffer_.empty()) {
      Held& held = *buffer_.back();
      if (held.must_end() && !all && !aborted_) break;
      buffer_.pop_back();
      const auto rest = std::span(held.parts).subspan(held.next);
      for (const Part& part : rest) buffer_bytes_ -= part.cost();
      buffered_ -= rest.size();
      leave(held, {}, rest.size());
    }
  }
  for (Held* held : back) tell(*held, Verdict::again);
  const MutexLock lock(mutex_);
  for (Held* held : back) release(*held);
}

}  // namespace millrace::queue
