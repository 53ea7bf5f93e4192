// A message on loan to a consumer until it is settled. The type makes the mistakes impossible: it
// can't be copied, it settles once (&&), and one that is dropped without a verdict is given back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "message/message.h"

namespace millrace::queue {

class Delivery;

// Where a delivery comes from, for those who look for it later.
struct Origin {
  std::string stream{};              // the topic's or stream's name; empty when the queue has none
  std::int32_t partition = -1;       // -1: none
  std::int64_t position = -1;        // offset or sequence number; -1: none
  std::int64_t first_failed_ms = 0;  // Unix time of its first failed attempt; 0: not known
};

// The queue's side of a delivery. Thread-safe: deliveries of one receive() may be settled by any
// thread. Outlives every delivery it gave out.
class Settler {
 public:
  virtual ~Settler() = default;
  // The message is done with.
  virtual void on_ack(Delivery& delivery) noexcept = 0;
  // The same of many at once, for who pays less that way.
  virtual void on_ack_all(std::span<Delivery> deliveries) noexcept;
  // To be delivered again, attempt + 1, not before `delay` has passed.
  virtual void on_retry(Delivery& delivery, Duration delay, std::string_view why) noexcept = 0;
  // Never to be delivered again: its dead letter is kept.
  virtual void on_reject(Delivery& delivery, std::string_view why) noexcept = 0;
  // Dropped without a verdict: to be delivered again at once, the same attempt.
  virtual void on_nack(Delivery& delivery) noexcept = 0;
  // Still being worked on: put off the queue's own redelivery, where it has one.
  virtual void on_extend(Delivery& /*delivery*/) noexcept {}
  [[nodiscard]] virtual Origin origin(const Delivery& /*delivery*/) const { return {}; }
};

// Move-only. Not thread-safe itself: one owner at a time.
class Delivery {
 public:
  // `attempt` counts from 1. `token` is the settler's own: a sequence, an offset.
  Delivery(Message message, std::uint32_t attempt, Settler& settler, std::uint64_t token = 0)
      : settler_(&settler), message_(std::move(message)), attempt_(attempt), token_(token) {}

  Delivery(Delivery&& other) noexcept
      : settler_(std::exchange(other.settler_, nullptr)),
        message_(std::move(other.message_)),
        attempt_(other.attempt_),
        token_(other.token_) {}

  Delivery& operator=(Delivery&& other) noexcept {
    if (this != &other) {
      give_back();
      settler_ = std::exchange(other.settler_, nullptr);
      message_ = std::move(other.message_);
      attempt_ = other.attempt_;
      token_ = other.token_;
    }
    return *this;
  }

  ~Delivery() { give_back(); }

  void ack() && { release()->on_ack(*this); }
  // Acks each of them, told to its queue together with its neighbours.
  static void ack_all(std::span<Delivery> deliveries);
  void retry(Duration delay, std::string_view why) && { release()->on_retry(*this, delay, why); }
  void reject(std::string_view why) && { release()->on_reject(*this, why); }
  void extend() {
    if (settler_ != nullptr) settler_->on_extend(*this);
  }

  [[nodiscard]] const Message& message() const { return message_; }
  [[nodiscard]] std::uint32_t attempt() const { return attempt_; }
  [[nodiscard]] std::uint64_t token() const { return token_; }
  [[nodiscard]] Origin origin() const {
    return settler_ != nullptr ? settler_->origin(*this) : Origin();
  }

  // For the settler, which may keep the message to deliver it again.
  [[nodiscard]] Message take_message() { return std::move(message_); }
  void put_message(Message message) { message_ = std::move(message); }

 private:
  Settler* release() { return std::exchange(settler_, nullptr); }
  void give_back() {
    if (settler_ != nullptr) release()->on_nack(*this);
  }

  Settler* settler_;
  Message message_;
  std::uint32_t attempt_;
  std::uint64_t token_;
};

inline void Settler::on_ack_all(std::span<Delivery> deliveries) noexcept {
  for (Delivery& delivery : deliveries) on_ack(delivery);
}

inline void Delivery::ack_all(std::span<Delivery> deliveries) {
  while (!deliveries.empty()) {
    Settler* const settler = deliveries.front().settler_;
    std::size_t alike = 0;
    while (alike < deliveries.size() && deliveries[alike].settler_ == settler) {
      deliveries[alike++].settler_ = nullptr;
    }
    settler->on_ack_all(deliveries.first(alike));
    deliveries = deliveries.subspan(alike);
  }
}

}  // namespace millrace::queue
