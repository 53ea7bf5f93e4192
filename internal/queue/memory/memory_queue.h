// The queue inside one process: a lock-free ring on the way through, a small locked list for what
// comes back. Not durable: what is in it when the process dies is lost.
//
// The bounds, in messages and in bytes, cover everything unsettled: waiting, delayed and in flight.
// A publish reserves room first, so a message that comes back by retry or nack always has its
// place. What doesn't fit is refused with Code::full: of a batch, the front is stored and the rest
// refused.
//
// Order: with one receiver at a time, a producer's messages are delivered in the order it published
// them, except those that come back. Several receivers share the work, and the order with it.
//
// Closing: after stop_accepting() publish answers Code::closed, delayed messages are due at once (a
// drain doesn't wait for a long backoff), and receive answers Code::closed when nothing is waiting,
// delayed or in flight any more. After abort() it answers that at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_count.h"
#include "base/executor.h"
#include "observe/metrics.h"
#include "queue/consumer.h"
#include "queue/memory/backlog.h"
#include "queue/memory/queued_message.h"
#include "queue/memory/room.h"
#include "queue/producer.h"

namespace millrace::queue {

// Thread-safe, except destruction: by then every delivery must be settled and every call returned.
class MemoryQueue final : public Producer, public Consumer, public Settler {
 public:
  static constexpr std::uint64_t kBytesMaxDefault = std::uint64_t{256} << 20;

  // `done` callbacks are posted to `executor`. Borrows it and the clock; a parked receive notices a
  // manual clock's advance only when something wakes it. Throws std::invalid_argument as Room does.
  MemoryQueue(std::size_t capacity, Executor& executor, const Clock& clock = system_clock(),
              std::uint64_t bytes_max = kBytesMaxDefault);

  // The verdict is known before this returns, so `deadline` is never missed. A message larger than
  // the whole queue is refused with Code::too_large.
  void publish(std::vector<Message> batch, Time deadline, PublishDone done) override;
  [[nodiscard]] Status health() const override;
  [[nodiscard]] ProducerStats producer_stats() const override;

  // Messages that came back go first; at most 256 at once. Ask for as many as can be worked off
  // soon: what one receiver leaves wakes the next, what it takes the others can't have.
  Status receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                 const std::stop_token& stop) override;
  [[nodiscard]] ConsumerStats consumer_stats() const override;

  Status start() override { return {}; }
  void stop_accepting() override;
  // Waits until every message is settled.
  Status drain(Time deadline) override;
  void abort() override;

  // Takes out everything that waits, delayed or not, without delivering it: when the time for a
  // drain is over, these become dead letters. Deliveries in flight aren't touched; one that comes
  // back later can be taken by another call.
  [[nodiscard]] std::vector<QueuedMessage> take_waiting();

  // Messages waiting, the delayed ones included; and the bound on all unsettled ones.
  [[nodiscard]] std::size_t size() const { return backlog_.size(); }
  [[nodiscard]] std::size_t capacity() const { return room_.capacity(); }
  // Receivers asleep for want of messages, or just being woken.
  [[nodiscard]] std::size_t parked() const { return arrivals_.waiters(); }

 private:
  void on_ack(Delivery& delivery) noexcept override;
  void on_ack_all(std::span<Delivery> deliveries) noexcept override;
  void on_retry(Delivery& delivery, Duration delay, std::string_view why) noexcept override;
  void on_reject(Delivery& delivery, std::string_view why) noexcept override;
  void on_nack(Delivery& delivery) noexcept override;

  [[nodiscard]] Status refusal(const Room::Grant& grant, const Message& message) const;
  std::size_t take(std::vector<Delivery>& out, std::size_t max);
  void give_back(Delivery& delivery, std::uint32_t attempt, Time due);
  void release(std::uint64_t messages, std::uint64_t bytes);
  void park_receiver(Time deadline, const std::stop_token& stop);
  [[nodiscard]] Time due(Duration delay) const;
  [[nodiscard]] Time real_time(Time deadline) const;

  Executor& executor_;
  const Clock& clock_;
  const Status full_;
  const Status closed_;

  Room room_;
  Backlog backlog_;
  EventCount arrivals_;  // receivers park here
  EventCount settled_;   // drain() parks here; notified when a closed queue becomes empty
  std::atomic<bool> aborted_{false};

  observe::Counter stored_, refused_;
  observe::Counter received_, acked_, retried_, rejected_, nacked_;
};

}  // namespace millrace::queue
