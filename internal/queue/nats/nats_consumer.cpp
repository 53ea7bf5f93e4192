#include "queue/nats/nats_consumer.h"

#include <algorithm>
#include <bit>

#include "base/parse_number.h"
#include "base/wake_at_stop.h"
#include "observe/log.h"
#include "queue/nats/nats_error.h"
#include "queue/nats/nats_topology.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kKeepInterval{500};

std::uint64_t replay_of(natsMsg* message) {
  const char* text = nullptr;
  if (natsMsgHeader_Get(message, kNatsReplayHeader, &text) != NATS_OK) return 0;
  return parse_number<std::uint64_t>(text).value_or(0);
}

Status prepare(jsCtx& js, const NatsOptions& options) {
  Status stream = ensure_stream(js, options);
  return stream.ok() ? ensure_consumer(js, options) : stream;
}

}  // namespace

NatsConsumer::NatsConsumer(NatsOptions options, DeadLetters& foreign)
    : options_(std::move(options)),
      foreign_(foreign),
      link_(options_, "consumer", [this](jsCtx& js) { return prepare(js, options_); }),
      window_(std::min(kWindowMin, options_.prefetch)) {}

NatsConsumer::~NatsConsumer() {
  stop_accepting();
  keeping_ = {};
  fetching_ = {};
  give_back_buffer();
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
    const std::vector<Held*> taken = take(max, deadline, stop, status);
    if (taken.empty()) return status;
    for (Held* held : taken) deliver(*held, out);
  }
  return {};
}

std::vector<NatsConsumer::Held*> NatsConsumer::take(std::size_t max, Time deadline,
                                                    const std::stop_token& stop, Status& status) {
  std::vector<Held*> taken;
  const auto wake = wake_at_stop(stop, mutex_, arrivals_);
  MutexLock lock(mutex_);
  while (buffer_.empty() || closed_) {
    if (aborted_ || (closed_ && stats_.in_flight == 0)) {
      status = {Code::closed, "shutting down"};
      return taken;
    }
    if (stop.stop_requested()) return taken;
    if (deadline == Time::max()) {
      lock.wait(arrivals_);
    } else if (!lock.wait_until(arrivals_, deadline)) {
      if (buffer_.empty() || closed_) return taken;
    }
  }
  const std::size_t count = std::min(max, buffer_.size());
  taken.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count));
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count));
  for (const Held* held : taken) buffer_bytes_ -= held->bytes;
  stats_.received += count;
  stats_.in_flight += count;
  if (!buffer_.empty()) arrivals_.notify_one();
  if (wants_more()) room_.notify_one();
  return taken;
}

void NatsConsumer::deliver(Held& held, std::vector<Delivery>& out) {
  const auto size = static_cast<std::size_t>(natsMsg_GetDataLength(held.message.get()));
  auto message = Message::decode(std::string(natsMsg_GetData(held.message.get()), size));
  if (!message.has_value()) return bury_foreign(held, message.error());
  message->set_replay(replay_of(held.message.get()));
  std::uint32_t number = 1;
  if (held.delivered > 1) {
    const MutexLock lock(mutex_);
    number = history_.attempt(held.sequence, held.delivered);
  }
  out.emplace_back(std::move(*message), number, *this, std::bit_cast<std::uintptr_t>(&held));
}

void NatsConsumer::bury_foreign(Held& held, const Status& why) {
  DeadLetter letter;
  const std::string reason = "not a message of ours: " + why.text();
  letter.wire = {natsMsg_GetData(held.message.get()),
                 static_cast<std::size_t>(natsMsg_GetDataLength(held.message.get()))};
  letter.reason = reason;
  letter.attempts = 0;
  letter.origin = {options_.stream, -1, static_cast<std::int64_t>(held.sequence), 0};
  if (const Status kept = foreign_.write({&letter, 1}); !kept.ok()) {
    observe::warn("a foreign message can't be dead-lettered yet", {{"error", kept.text()}});
    return settle(held, &ConsumerStats::nacked,
                  [](natsMsg* message) { return natsMsg_NakWithDelay(message, 1000, nullptr); });
  }
  observe::warn("foreign message dead-lettered",
                {{"stream", options_.stream}, {"sequence", held.sequence}, {"reason", reason}});
  settle(held, &ConsumerStats::rejected,
         [](natsMsg* message) { return natsMsg_Term(message, nullptr); });
}

template <class Tell>
void NatsConsumer::settle(Held& held, std::uint64_t ConsumerStats::*book, Tell tell) {
  // When the server can't be told it delivers the message again, after ack_wait at the latest.
  static_cast<void>(tell(held.message.get()));
  const MutexLock lock(mutex_);
  release(held);
  stats_.*book += 1;
  stats_.in_flight -= 1;
  if (closed_ && stats_.in_flight == 0) {
    settled_.notify_all();
    arrivals_.notify_all();
  }
}

void NatsConsumer::release(Held& held) {
  held.message.reset();
  held.source.reset();
  free_.push_back(&held);
}

NatsConsumer::Held& NatsConsumer::held_of(const Delivery& delivery) {
  return *std::bit_cast<Held*>(static_cast<std::uintptr_t>(delivery.token()));
}

void NatsConsumer::on_ack(Delivery& delivery) noexcept {
  Held& held = held_of(delivery);
  if (held.delivered > 1) {
    const MutexLock lock(mutex_);
    history_.forget(held.sequence);
  }
  settle(held, &ConsumerStats::acked,
         [](natsMsg* message) { return natsMsg_Ack(message, nullptr); });
}

void NatsConsumer::on_retry(Delivery& delivery, Duration delay, std::string_view /*why*/) noexcept {
  Held& held = held_of(delivery);
  {
    const MutexLock lock(mutex_);
    history_.note_failed(held.sequence, system_clock().now(), system_clock().unix_ms());
  }
  const auto wait = std::chrono::ceil<milliseconds>(delay).count();
  settle(held, &ConsumerStats::retried, [wait](natsMsg* message) {
    return wait > 0 ? natsMsg_NakWithDelay(message, wait, nullptr) : natsMsg_Nak(message, nullptr);
  });
}

void NatsConsumer::on_reject(Delivery& delivery, std::string_view /*why*/) noexcept {
  Held& held = held_of(delivery);
  {
    const MutexLock lock(mutex_);
    history_.forget(held.sequence);
  }
  settle(held, &ConsumerStats::rejected,
         [](natsMsg* message) { return natsMsg_Term(message, nullptr); });
}

void NatsConsumer::on_nack(Delivery& delivery) noexcept {
  Held& held = held_of(delivery);
  {
    const MutexLock lock(mutex_);
    history_.note_unhandled(held.sequence, system_clock().now());
  }
  settle(held, &ConsumerStats::nacked,
         [](natsMsg* message) { return natsMsg_Nak(message, nullptr); });
}

Origin NatsConsumer::origin(const Delivery& delivery) const {
  const Held& held = held_of(delivery);
  Origin origin{options_.stream, -1, static_cast<std::int64_t>(held.sequence), 0};
  const MutexLock lock(mutex_);
  origin.first_failed_ms = history_.first_failed_ms(held.sequence);
  return origin;
}

ConsumerStats NatsConsumer::consumer_stats() const {
  const MutexLock lock(mutex_);
  ConsumerStats stats = stats_;
  // What the server counts includes what we hold.
  const std::uint64_t held = stats.in_flight + buffer_.size();
  stats.waiting = buffer_.size() + (unsettled_ > held ? unsettled_ - held : 0);
  return stats;
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
    const MutexLock lock(mutex_);
    if (unsettled) unsettled_ = *unsettled;
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

void NatsConsumer::give_back_buffer() {
  std::deque<Held*> left;
  {
    const MutexLock lock(mutex_);
    left.swap(buffer_);
    buffer_bytes_ = 0;
  }
  for (Held* held : left) static_cast<void>(natsMsg_Nak(held->message.get(), nullptr));
  const MutexLock lock(mutex_);
  for (Held* held : left) release(*held);
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
  {
    MutexLock lock(mutex_);
    while (stats_.in_flight > 0) {
      if (!lock.wait_until(settled_, deadline) && stats_.in_flight > 0) {
        return {Code::deadline, std::to_string(stats_.in_flight) + " messages aren't settled"};
      }
    }
    session = latest_;
  }
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
  if (session == nullptr || left.count() <= 0) return {};
  // What the server doesn't hear of now it delivers again: no loss, so no failure.
  static_cast<void>(
      natsConnection_FlushTimeout(session->connection(), std::min(left.count(), 2000L)));
  return {};
}

}  // namespace millrace::queue
