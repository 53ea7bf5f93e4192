// A queue in a test's hands: messages are pushed, what becomes of each is written down, and a test
// waits for a number of verdicts instead of for time to pass.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "queue/consumer.h"

namespace millrace::fakes {

inline Time within(Duration time = std::chrono::seconds(20)) {
  return std::chrono::steady_clock::now() + time;
}

// Thread-safe. A retried message comes back at once, whatever the delay, unless `hold_back` is set.
class FakeConsumer final : public queue::Consumer, public queue::Settler {
 public:
  enum class Kind : std::uint8_t { ack, retry, reject, nack };
  struct Event {
    Kind kind;
    std::string id;
    std::uint32_t attempt;
    Duration delay;
    std::string why;
  };

  void push(Message message, std::uint32_t attempt = 1) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(message), attempt});
    changed_.notify_all();
  }
  void push(std::vector<Message> messages) {
    const std::lock_guard lock(mutex_);
    for (auto& message : messages) waiting_.push_back({std::move(message), 1});
    changed_.notify_all();
  }

  // From now on what is given back (retry, nack) stays out: it is settled, as far as we are
  // concerned.
  void hold_back() {
    const std::lock_guard lock(mutex_);
    hold_back_ = true;
  }
  // The next receive() answers this once.
  void fail_next(Status status) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(status);
    changed_.notify_all();
  }

  void stop_accepting() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  Status receive(std::vector<queue::Delivery>& out, std::size_t max, Time deadline,
                 const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    const bool ready = changed_.wait_until(lock, stop, deadline, [this] {
      return !waiting_.empty() || failure_.has_value() || (closed_ && books_.in_flight == 0);
    });
    if (!ready) return {};
    if (failure_) return *std::exchange(failure_, std::nullopt);
    if (waiting_.empty()) return {Code::closed, "the fake queue is closed"};
    std::size_t count = 0;
    for (; count < max && !waiting_.empty(); ++count) {
      out.emplace_back(std::move(waiting_.front().message), waiting_.front().attempt, *this);
      waiting_.pop_front();
    }
    books_.received += count;
    books_.in_flight += count;
    largest_batch_ = std::max(largest_batch_, count);
    return {};
  }

  [[nodiscard]] Status health() const override { return {}; }
  [[nodiscard]] queue::ConsumerStats consumer_stats() const override {
    const std::lock_guard lock(mutex_);
    queue::ConsumerStats stats = books_;
    stats.waiting = waiting_.size();
    return stats;
  }

  // False when fewer than `count` verdicts of that kind came in time.
  [[nodiscard]] bool wait_for(Kind kind, std::size_t count, Time deadline = within()) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] { return count_locked(kind) >= count; });
  }
  [[nodiscard]] std::size_t count(Kind kind) const {
    const std::lock_guard lock(mutex_);
    return count_locked(kind);
  }
  [[nodiscard]] std::vector<Event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  // The ids that had a verdict of that kind, in order.
  [[nodiscard]] std::vector<std::string> ids(Kind kind) const {
    std::vector<std::string> ids;
    for (const Event& event : events()) {
      if (event.kind == kind) ids.push_back(event.id);
    }
    return ids;
  }
  [[nodiscard]] std::size_t largest_batch() const {
    const std::lock_guard lock(mutex_);
    return largest_batch_;
  }
  // Invariant 5.
  [[nodiscard]] bool books_balance() const {
    const auto books = consumer_stats();
    return books.received ==
           books.acked + books.retried + books.rejected + books.nacked + books.in_flight;
  }

  void on_ack(queue::Delivery& delivery) noexcept override {
    settle(Kind::ack, delivery, {}, {}, books_.acked);
  }
  void on_retry(queue::Delivery& delivery, Duration delay, std::string_view why) noexcept override {
    settle(Kind::retry, delivery, delay, why, books_.retried);
  }
  void on_reject(queue::Delivery& delivery, std::string_view why) noexcept override {
    settle(Kind::reject, delivery, {}, why, books_.rejected);
  }
  void on_nack(queue::Delivery& delivery) noexcept override {
    settle(Kind::nack, delivery, {}, {}, books_.nacked);
  }

 private:
  struct Waiting {
    Message message;
    std::uint32_t attempt;
  };

  void settle(Kind kind, queue::Delivery& delivery, Duration delay, std::string_view why,
              std::uint64_t& book) {
    const std::lock_guard lock(mutex_);
    events_.push_back(
        {kind, std::string(delivery.message().id()), delivery.attempt(), delay, std::string(why)});
    ++book;
    --books_.in_flight;
    if (!hold_back_ && (kind == Kind::retry || kind == Kind::nack)) {
      const std::uint32_t attempt = delivery.attempt() + (kind == Kind::retry ? 1 : 0);
      waiting_.push_back({delivery.take_message(), attempt});
    }
    changed_.notify_all();
  }

  [[nodiscard]] std::size_t count_locked(Kind kind) const {
    std::size_t count = 0;
    for (const Event& event : events_) count += event.kind == kind ? 1 : 0;
    return count;
  }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Waiting> waiting_;
  std::vector<Event> events_;
  queue::ConsumerStats books_;
  std::optional<Status> failure_;
  std::size_t largest_batch_ = 0;
  bool closed_ = false;
  bool hold_back_ = false;
};

}  // namespace millrace::fakes
