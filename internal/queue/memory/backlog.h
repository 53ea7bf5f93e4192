// Everything that waits in the memory queue: the ring for what goes through in order, the delay
// list for what comes back.
#pragma once

#include <cstddef>
#include <span>

#include "base/clock.h"
#include "base/ring.h"
#include "queue/memory/delay_list.h"
#include "queue/memory/queued_message.h"

namespace millrace::queue {

// Thread-safe.
class Backlog {
 public:
  // Borrows the clock.
  Backlog(std::size_t capacity, const Clock& clock) : clock_(clock), ring_(capacity) {}

  // Moves all of `messages` in. Requires room: at most `capacity` messages in here and taken but
  // not settled.
  void push(std::span<Message> messages);

  // Takes a message back in, to leave not before `due`. True when who sleeps until next_due() must
  // look again.
  bool push_back(QueuedMessage&& message, Time due) {
    return delayed_.push(std::move(message), due);
  }

  // From now on nothing waits for its delay.
  void make_all_due() { delayed_.make_all_due(); }

  // Hands up to `max` messages to `take(QueuedMessage&&)`, which must not throw: those that came
  // back and are due first.
  template <class Take>
  std::size_t take(std::size_t max, Take&& take) {
    std::size_t taken = 0;
    if (delay_is_over()) taken = delayed_.take_due(clock_.now(), max, take);
    return taken + ring_.try_dequeue_each(max - taken, take);
  }

  // All of it, due or not.
  template <class Take>
  void take_all(Take&& take) {
    delayed_.take_due(Time::max(), delayed_.size(), take);
    while (ring_.try_dequeue_each(ring_.capacity(), take) > 0) {
    }
  }

  // Whether take() would find something now.
  [[nodiscard]] bool ready() const { return !ring_.empty() || delay_is_over(); }
  // When the next delay is over; Time::max() when there is none.
  [[nodiscard]] Time next_due() const { return delayed_.next_due(); }
  [[nodiscard]] std::size_t size() const { return ring_.size() + delayed_.size(); }

 private:
  // The clock is read only when something is delayed.
  [[nodiscard]] bool delay_is_over() const {
    const Time next = delayed_.next_due();
    return next != Time::max() && next <= clock_.now();
  }

  const Clock& clock_;
  Ring<QueuedMessage> ring_;
  DelayList delayed_;
};

}  // namespace millrace::queue
