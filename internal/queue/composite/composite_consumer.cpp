#include "queue/composite/composite_consumer.h"

#include <algorithm>

#include "base/wake_at_stop.h"

namespace millrace::queue {
namespace {

// How often a pump looks around although nothing comes.
constexpr std::chrono::milliseconds kReceiveWait{500};
constexpr std::chrono::milliseconds kPauseWithoutServer{50};

}  // namespace

CompositeConsumer::CompositeConsumer(std::vector<CompositeConsumerPart> parts) {
  for (auto& part : parts) {
    parts_.push_back(std::make_unique<Part>());
    parts_.back()->of = std::move(part);
  }
}

CompositeConsumer::~CompositeConsumer() {
  for (const auto& part : parts_) part->of.consumer->stop_accepting();
  pumps_.clear();
  take_buffers().clear();
}

Status CompositeConsumer::start() {
  for (const auto& part : parts_) {
    if (Status failed = part->of.consumer->start(); !failed.ok()) return failed;
  }
  for (const auto& part : parts_) {
    pumps_.emplace_back([this, &part = *part](const std::stop_token& stop) { pump(part, stop); });
  }
  return {};
}

void CompositeConsumer::pump(Part& part, const std::stop_token& stop) {
  std::vector<Delivery> received;
  while (has_room(part, stop)) {
    const Status status = part.of.consumer->receive(
        received, kBuffered, std::chrono::steady_clock::now() + kReceiveWait, stop);
    MutexLock lock(mutex_);
    for (Delivery& delivery : received) part.buffer.push_back(std::move(delivery));
    if (!received.empty()) arrivals_.notify_one();
    received.clear();
    if (status.code() == Code::closed) break;
    if (!status.ok() && !stop.stop_requested()) {
      lock.wait_until(room_, std::chrono::steady_clock::now() + kPauseWithoutServer);
    }
  }
  const MutexLock lock(mutex_);
  part.over = true;
  arrivals_.notify_all();
}

bool CompositeConsumer::has_room(const Part& part, const std::stop_token& stop) {
  const auto wake = wake_at_stop(stop, mutex_, room_);
  MutexLock lock(mutex_);
  while (part.buffer.size() >= kBuffered && !stop.stop_requested()) lock.wait(room_);
  return !stop.stop_requested();
}

Status CompositeConsumer::receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                                  const std::stop_token& stop) {
  const auto wake = wake_at_stop(stop, mutex_, arrivals_);
  MutexLock lock(mutex_);
  while (buffered() == 0 || aborted_) {
    if (aborted_ || all_over()) return {Code::closed, "shutting down"};
    if (stop.stop_requested()) return {};
    if (deadline == Time::max()) {
      lock.wait(arrivals_);
    } else if (!lock.wait_until(arrivals_, deadline)) {
      if (buffered() == 0) return {};
    }
  }
  hand_out(out, max);
  if (buffered() > 0) arrivals_.notify_one();
  room_.notify_all();
  return {};
}

// The providers take turns, so that a busy one doesn't hold up the others.
void CompositeConsumer::hand_out(std::vector<Delivery>& out, std::size_t max) {
  for (std::size_t left = max, empty = 0; left > 0 && empty < parts_.size(); ++turn_) {
    std::deque<Delivery>& buffer = parts_[turn_ % parts_.size()]->buffer;
    const std::size_t count = std::min((left + 1) / 2, buffer.size());
    empty = count == 0 ? empty + 1 : 0;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(std::move(buffer.front()));
      buffer.pop_front();
    }
    left -= count;
  }
}

std::size_t CompositeConsumer::buffered() const {
  std::size_t sum = 0;
  for (const auto& part : parts_) sum += part->buffer.size();
  return sum;
}

bool CompositeConsumer::all_over() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->over; });
}

Status CompositeConsumer::health() const {
  Status failed;
  for (const auto& part : parts_) {
    Status health = part->of.consumer->health();
    if (health.ok()) return {};
    failed = {health.code(), "composite: " + part->of.name + ": " + health.text()};
  }
  return failed;
}

ConsumerStats CompositeConsumer::consumer_stats() const {
  ConsumerStats sum;
  const MutexLock lock(mutex_);
  for (const auto& part : parts_) {
    const ConsumerStats stats = part->of.consumer->consumer_stats();
    sum.received += stats.received;
    sum.acked += stats.acked;
    sum.retried += stats.retried;
    sum.rejected += stats.rejected;
    sum.nacked += stats.nacked;
    sum.in_flight += stats.in_flight;
    sum.waiting += stats.waiting;
  }
  // A provider may have handed out what its pump hasn't put into the buffer yet: that is in flight.
  const std::uint64_t here = std::min<std::uint64_t>(buffered(), sum.in_flight);
  sum.received -= here;
  sum.in_flight -= here;
  sum.waiting += here;
  return sum;
}

std::vector<CompositeConsumerStats> CompositeConsumer::part_stats() const {
  std::vector<CompositeConsumerStats> all;
  for (const auto& part : parts_) {
    all.push_back({part->of.name, part->of.consumer->consumer_stats()});
  }
  return all;
}

void CompositeConsumer::stop_accepting() {
  for (const auto& part : parts_) part->of.consumer->stop_accepting();
}

// What nobody has received goes back to its provider, which leaves it where it is, or lets it be
// received again.
Status CompositeConsumer::drain(Time deadline) {
  take_buffers().clear();
  Status drained;
  for (const auto& part : parts_) {
    Status failed = part->of.consumer->drain(deadline);
    if (drained.ok()) drained = std::move(failed);
  }
  return drained;
}

void CompositeConsumer::abort() {
  for (const auto& part : parts_) part->of.consumer->abort();
  {
    const MutexLock lock(mutex_);
    aborted_ = true;
    arrivals_.notify_all();
  }
  take_buffers().clear();
}

std::vector<std::deque<Delivery>> CompositeConsumer::take_buffers() {
  std::vector<std::deque<Delivery>> all;
  const MutexLock lock(mutex_);
  for (const auto& part : parts_) all.push_back(std::exchange(part->buffer, {}));
  room_.notify_all();
  return all;
}

}  // namespace millrace::queue
