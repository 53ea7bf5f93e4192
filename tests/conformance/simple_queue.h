// A queue of a mutex and a deque, as slow and as plain as can be, and able to break any one
// promise: what the conformance suite is tested with.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/thread_annotations.h"
#include "fakes/executors.h"
#include "queue/consumer.h"
#include "queue/producer.h"

namespace millrace::conformance {

enum class Fault : std::uint8_t {
  none,
  loses_every_100th,
  delivers_twice,
  done_inline,
  done_twice,
  done_never,
  too_few_verdicts,
  reorders,
  truncates_payload,
  says_ok_when_full,
  forgets_what_is_in_flight,  // counts only waiting messages against the capacity
  keeps_what_it_refused,
  lies_about_late_publish,
  ignores_max,
  ignores_deadline,
  returns_early,
  ignores_stop,
  sleeps_through_publish,
  sleeps_through_return,
  forgets_nacked,
  forgets_retried,
  wrong_attempt,
  ignores_delay,
  redelivers_acked,
  redelivers_rejected,
  unbalanced_consumer_books,
  unbalanced_producer_books,
  accepts_after_close,
  discards_at_close,
  never_says_closed,
  says_closed_too_early,
  leaves_receivers_parked,
  drain_does_not_wait,
  drain_ignores_deadline,
  abort_forgets_done,
  forgets_at_restart,
};

// Thread-safe.
class SimpleQueue final : public queue::Producer, public queue::Consumer, public queue::Settler {
 public:
  SimpleQueue(std::size_t capacity, Fault fault) : capacity_(capacity), fault_(fault) {}

  void publish(std::vector<Message> batch, Time deadline, queue::PublishDone done) override
      EXCLUDES(mutex_);
  [[nodiscard]] Status health() const override EXCLUDES(mutex_);
  [[nodiscard]] queue::ProducerStats producer_stats() const override EXCLUDES(mutex_);

  Status receive(std::vector<queue::Delivery>& out, std::size_t max, Time deadline,
                 const std::stop_token& stop) override EXCLUDES(mutex_);
  [[nodiscard]] queue::ConsumerStats consumer_stats() const override EXCLUDES(mutex_);

  Status start() override { return {}; }
  void stop_accepting() override EXCLUDES(mutex_);
  Status drain(Time deadline) override EXCLUDES(mutex_);
  void abort() override EXCLUDES(mutex_);

  // As if the process had ended and begun anew with what it had stored.
  void restart() EXCLUDES(mutex_);

  void on_ack(queue::Delivery& delivery) noexcept override EXCLUDES(mutex_);
  void on_retry(queue::Delivery& delivery, Duration delay, std::string_view why) noexcept override
      EXCLUDES(mutex_);
  void on_reject(queue::Delivery& delivery, std::string_view why) noexcept override
      EXCLUDES(mutex_);
  void on_nack(queue::Delivery& delivery) noexcept override EXCLUDES(mutex_);

 private:
  struct Waiting {
    Message message;
    std::uint32_t attempt;
    Time due;
  };

  [[nodiscard]] bool has(Fault fault) const { return fault_ == fault; }
  Status store(Message message, bool late) REQUIRES(mutex_);
  void answer(queue::PublishDone done, std::vector<Status> verdicts) EXCLUDES(mutex_);
  bool take_due(std::vector<queue::Delivery>& out, std::size_t max) REQUIRES(mutex_);
  [[nodiscard]] bool at_end() const REQUIRES(mutex_);
  [[nodiscard]] Time next_due() const REQUIRES(mutex_);
  void come_back(queue::Delivery& delivery, std::uint32_t attempt, Time due) REQUIRES(mutex_);
  void settle() REQUIRES(mutex_);

  const std::size_t capacity_;
  const Fault fault_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_ GUARDED_BY(mutex_);
  std::size_t unsettled_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  bool aborted_ GUARDED_BY(mutex_) = false;
  queue::ProducerStats produced_ GUARDED_BY(mutex_);
  queue::ConsumerStats consumed_ GUARDED_BY(mutex_);
  std::vector<queue::PublishDone> forgotten_ GUARDED_BY(mutex_);

  fakes::ThreadExecutor executor_;  // last: what it still runs uses the members above
};

}  // namespace millrace::conformance
