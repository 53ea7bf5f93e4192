#include "queue/nats/nats_consumer.h"

#include <algorithm>
#include <bit>

#include "base/wake_at_stop.h"
#include "observe/log.h"
#include "queue/nats/nats_error.h"
#include "queue/nats/nats_topology.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kKeepInterval{500};

Status prepare(jsCtx& js, const NatsOptions& options) {
  Status stream = ensure_stream(js, options);
  return stream.ok() ? ensure_consumer(js, options) : stream;
}

}  // namespace

NatsConsumer::NatsConsumer(NatsOptions options, DeadLetters& foreign)
    : options_(std::move(options)),
      foreign_(foreign),
      link_(options_, "consumer", [this](jsCtx& js) { return prepare(js, options_); }),
      window_(std::min(kWindowMin, options_.prefetch)),
      fill_{.messages_max = static_cast<std::uint64_t>(options_.max_messages),
            .bytes_max = static_cast<std::uint64_t>(options_.max_bytes)} {}

NatsConsumer::~NatsConsumer() {
  stop_accepting();
  keeping_ = {};
  fetching_ = {};
  give_back_buffer(true);
  link_.stop();
}

Status NatsConsumer::start() {
  link_.start();
  fetching_ = std::jthread([this](const std::stop_token& stop) { run_fetching(stop); });
  keeping_ = std::jthread([this](const std::stop_token& stop) { run_keeping(stop); });
  return {};
}

Status NatsConsumer::receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                             const std::stop_token& stop) {
  const std::size_t before = out.size();
  while (out.size() == before) {
    Status status;
    const std::vector<Part*> taken = take(max, deadline, stop, status);
    if (taken.empty()) return status;
    for (Part* part : taken) deliver(*part, out);
  }
  return {};
}

std::vector<NatsConsumer::Part*> NatsConsumer::take(std::size_t max, Time deadline,
                                                    const std::stop_token& stop, Status& status) {
  std::vector<Part*> taken;
  const auto wake = wake_at_stop(stop, mutex_, arrivals_);
  MutexLock lock(mutex_);
  Time now = std::chrono::steady_clock::now();
  while (!has_ready(now)) {
    if (aborted_ || (closed_ && stats_.in_flight == 0)) {
      status = {Code::closed, "shutting down"};
      return taken;
    }
    if (stop.stop_requested() || now >= deadline) {
      if (!waiting_.empty()) arrivals_.notify_one();  // another keeps an eye on when they are due
      return taken;
    }
    const Time due = waiting_.empty() ? Time::max() : waiting_.top().due;
    if (std::min(due, deadline) == Time::max()) {
      lock.wait(arrivals_);
    } else {
      lock.wait_until(arrivals_, std::min(due, deadline));
    }
    now = std::chrono::steady_clock::now();
  }
  while (taken.size() < max && has_ready(now)) taken.push_back(&next_ready(now));
  stats_.received += taken.size();
  stats_.in_flight += taken.size();
  if (!buffer_.empty() || !waiting_.empty()) arrivals_.notify_one();
  if (wants_more()) room_.notify_one();
  return taken;
}

// A frame that was handed out in part is handed out whole, although we are closing: those of its
// messages that are done would come again with the rest. Unless it comes again anyway.
bool NatsConsumer::has_ready(Time now) const {
  if (aborted_) return false;
  if (!buffer_.empty() && (!closed_ || buffer_.front()->must_end())) return true;
  return !closed_ && !waiting_.empty() && waiting_.top().due <= now;
}

NatsConsumer::Part& NatsConsumer::next_ready(Time now) {
  if (!waiting_.empty() && waiting_.top().due <= now && !closed_) {
    Part& part = *waiting_.top().part;
    waiting_.pop();
    return part;
  }
  Held& held = *buffer_.front();
  Part& part = held.parts[held.next++];
  if (held.next == held.parts.size()) buffer_.pop_front();
  --buffered_;
  buffer_bytes_ -= part.cost();
  return part;
}

void NatsConsumer::deliver(Part& part, std::vector<Delivery>& out) {
  const Held& held = *part.held;
  if (!held.broken.ok()) return bury_foreign(part, held.broken);
  auto message = Message::decode(std::string(part.wire));
  if (!message.has_value()) return bury_foreign(part, message.error());
  message->set_replay(held.replay);
  std::uint32_t number = part.failed + 1;
  if (held.delivered > 1) {
    const MutexLock lock(mutex_);
    number += history_.attempt(held.sequence, held.delivered) - 1;
  }
  out.emplace_back(std::move(*message), number, *this, std::bit_cast<std::uintptr_t>(&part));
}

ConsumerStats NatsConsumer::consumer_stats() const {
  const MutexLock lock(mutex_);
  ConsumerStats stats = stats_;
  // What the server counts includes what we hold.
  const std::uint64_t held = slots_.size() - free_.size();
  stats.waiting = buffered_ + waiting_.size() + (unsettled_ > held ? unsettled_ - held : 0);
  return stats;
}

std::optional<Fill> NatsConsumer::fill() const {
  const MutexLock lock(mutex_);
  return fill_;
}

void NatsConsumer::run_keeping(const std::stop_token& stop) {
  const auto wake = wake_at_stop(stop, mutex_, settled_);
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mutex_);
      if (stop.stop_requested()) return;
      lock.wait_until(settled_, std::chrono::steady_clock::now() + kKeepInterval);
    }
    const auto session = link_.session();
    if (session == nullptr) continue;
    tell_still_at_work(std::chrono::steady_clock::now());
    const auto unsettled = unsettled_messages(*session->js(), options_);
    // A server that doesn't answer isn't waited for twice.
    const auto fill = unsettled ? stream_fill(*session->js(), options_) : std::nullopt;
    const MutexLock lock(mutex_);
    if (unsettled) unsettled_ = *unsettled;
    if (fill) fill_ = *fill;
  }
}

void NatsConsumer::tell_still_at_work(Time now) {
  const MutexLock lock(mutex_);
  for (Held& held : slots_) {
    if (held.message == nullptr || now - held.told < options_.ack_wait / 3) continue;
    held.told = now;
    static_cast<void>(natsMsg_InProgress(held.message.get(), nullptr));
  }
  history_.forget_older(now);
}

void NatsConsumer::close(bool abort) {
  const MutexLock lock(mutex_);
  closed_ = true;
  aborted_ = aborted_ || abort;
  room_.notify_all();
  arrivals_.notify_all();
}

Status NatsConsumer::drain(Time deadline) {
  std::shared_ptr<NatsSession> session;
  bool closed = false;
  {
    MutexLock lock(mutex_);
    while (stats_.in_flight > 0) {
      if (!lock.wait_until(settled_, deadline) && stats_.in_flight > 0) {
        return {Code::deadline, std::to_string(stats_.in_flight) + " messages aren't settled"};
      }
    }
    session = latest_;
    closed = closed_;
  }
  if (closed) give_back_buffer(false);
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
  if (session == nullptr || left.count() <= 0) return {};
  // What the server doesn't hear of now it delivers again: no loss, so no failure.
  static_cast<void>(
      natsConnection_FlushTimeout(session->connection(), std::min(left.count(), 2000L)));
  return {};
}

}  // namespace millrace::queue
