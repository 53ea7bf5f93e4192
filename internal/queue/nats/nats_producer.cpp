#include "queue/nats/nats_producer.h"

#include <algorithm>

#include "queue/nats/nats_error.h"
#include "queue/nats/nats_topology.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

// How long to wait for an answer before publishing again.
constexpr milliseconds kAnswerTimeout{1500};
// And at least, when several wait for it that have deadlines of their own.
constexpr milliseconds kSharedWaitMin{100};
// How often to look whether the connection is back for what waits for it.
constexpr milliseconds kReconnectCheck{50};
// What the header with the id takes of the largest message the server allows.
constexpr std::uint64_t kHeaderBytes = 256;

milliseconds until(Time deadline) {
  return std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
}

// `stream_max` 0: no limit of the stream's own.
std::uint64_t size_max_of(const NatsSession* session, std::uint64_t stream_max) {
  if (session == nullptr) return UINT64_MAX;
  const auto server_max =
      static_cast<std::uint64_t>(natsConnection_GetMaxPayload(session->connection()));
  const std::uint64_t max = stream_max == 0 ? server_max : std::min(server_max, stream_max);
  return max - std::min(max, kHeaderBytes);
}

Status too_large(const Message& message, std::uint64_t size_max) {
  return {Code::too_large, "the message has " + std::to_string(message.wire().size()) +
                               " bytes, the server takes " + std::to_string(size_max)};
}

Status shutting_down() { return {Code::closed, "shutting down"}; }

}  // namespace

NatsProducer::NatsProducer(NatsOptions options, Executor& executor)
    : options_(std::move(options)),
      books_(options_.limits, executor),
      gate_(NatsGate<NatsProducer>::open(*this)),
      link_(
          options_, "producer",
          [this](jsCtx& js) { return ensure_stream(js, options_, &stream_bytes_max_); },
          publishing()) {}

NatsProducer::~NatsProducer() {
  abort();
  if (thread_.joinable()) {
    thread_.request_stop();
    {
      const MutexLock lock(mutex_);
      work_.notify_all();
    }
    thread_.join();
  }
  link_.stop();
  gate_.shut();
  give_up_all();
  static_cast<void>(books_.drain(Time::max()));
}

jsOptions::jsOptionsPublishAsync NatsProducer::publishing() {
  jsOptions::jsOptionsPublishAsync publishing{};
  publishing.AckHandler = &NatsProducer::ack_handler;
  publishing.AckHandlerClosure = &gate_;
  return publishing;
}

Status NatsProducer::start() {
  link_.start();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

Status NatsProducer::health() const {
  if (books_.closed()) return {Code::closed, "shutting down"};
  return link_.health();
}

std::uint64_t NatsProducer::message_bytes_max() const {
  return size_max_of(link_.session().get(), stream_bytes_max_);
}

void NatsProducer::publish(std::vector<Message> batch, Time deadline, PublishDone done) {
  auto [publication, admitted] = books_.open(batch, std::move(done));
  if (admitted == 0) return;
  batch.resize(admitted);
  const MutexLock lock(mutex_);
  batches_.push_back({std::move(batch), std::move(publication), deadline});
  work_.notify_one();
}

void NatsProducer::run(const std::stop_token& stop) {
  std::vector<Again> later;
  while (!stop.stop_requested()) {
    Work work = next(
        stop, later.empty() ? Time::max() : std::chrono::steady_clock::now() + kReconnectCheck);
    work.again.insert(work.again.end(), std::make_move_iterator(later.begin()),
                      std::make_move_iterator(later.end()));
    later.clear();
    for (Again& again : work.again) {
      if (!send_again(again)) later.push_back(std::move(again));
    }
    send(work.batches);
  }
  for (Again& again : later) again.pending.no_answer();
}

NatsProducer::Work NatsProducer::next(const std::stop_token& stop, Time latest) {
  MutexLock lock(mutex_);
  while (batches_.empty() && again_.empty() && !stop.stop_requested()) {
    if (!lock.wait_until(work_, latest)) break;
  }
  return {std::exchange(batches_, {}), std::exchange(again_, {})};
}

void NatsProducer::send(const std::vector<Batch>& batches) {
  const auto session = link_.session();
  const std::uint64_t size_max = size_max_of(session.get(), stream_bytes_max_);
  Status impossible;
  if (aborted_) {
    impossible = shutting_down();
  } else if (session == nullptr) {
    impossible = link_.health();
    if (impossible.ok()) impossible = {Code::unavailable, "nats: reconnecting"};
  }
  NatsOutgoing gathered(options_);
  for (const Batch& batch : batches) {
    if (!impossible.ok()) {
      batch.publication->judge(0, impossible, batch.messages.size());
      continue;
    }
    for (std::size_t i = 0; i < batch.messages.size(); ++i) {
      const Message& message = batch.messages[i];
      if (message.wire().size() > size_max) {
        batch.publication->judge(i, too_large(message, size_max));
        continue;
      }
      if (!gathered.takes(message, size_max)) send(*session, gathered);
      gathered.add(message, batch.publication, i, batch.deadline);
    }
  }
  if (!gathered.empty()) send(*session, gathered);
}

void NatsProducer::send(NatsSession& session, NatsOutgoing& gathered) {
  NatsPending pending;
  auto message = gathered.encode(pending);
  if (!message.has_value()) return pending.judge(message.error());
  {
    const MutexLock lock(in_flight_mutex_);
    if (aborted_) return pending.judge(shutting_down());
    in_flight_.emplace(message->get(), std::move(pending));
  }
  hand_over(session, std::move(*message));
}

// From here on the answer may come, on the library's thread.
void NatsProducer::hand_over(NatsSession& session, NatsMessage message) {
  jsPubOptions publish;
  jsPubOptions_Init(&publish);
  natsMsg* const key = message.get();
  {
    const MutexLock lock(in_flight_mutex_);
    const auto found = in_flight_.find(key);
    if (found == in_flight_.end()) return;  // aborted
    const NatsPending& pending = found->second;
    // Many deadlines, each a bit later than the one before: not a repetition for each of them.
    const milliseconds at_least = pending.has_one_deadline() ? milliseconds(1) : kSharedWaitMin;
    publish.MaxWait = std::clamp(until(pending.deadline()), at_least, kAnswerTimeout).count();
  }
  natsMsg* raw = message.release();
  const natsStatus status = js_PublishMsgAsync(session.js(), &raw, &publish);
  if (status == NATS_OK) return;
  message.reset(raw);
  NatsPending pending;
  if (!take(key, pending)) return;
  if (status == NATS_MAX_PAYLOAD) {
    return pending.refuse({Code::too_large, "nats: " + nats_text(status)});
  }
  const bool never_left = status == NATS_INSUFFICIENT_BUFFER || status == NATS_CONNECTION_CLOSED ||
                          status == NATS_CONNECTION_DISCONNECTED || status == NATS_TIMEOUT;
  if (!never_left) pending.sent();
  pending.refuse({Code::unavailable, "nats: " + nats_text(status)});
}

bool NatsProducer::send_again(Again& again) {
  again.pending.no_answer_until(aborted_ ? Time::max() : std::chrono::steady_clock::now());
  if (again.pending.empty()) return true;
  const auto session = link_.session();
  if (!session) return false;
  {
    const MutexLock lock(in_flight_mutex_);
    in_flight_.emplace(again.message.get(), std::move(again.pending));
  }
  hand_over(*session, std::move(again.message));
  return true;
}

bool NatsProducer::take(natsMsg* message, NatsPending& pending) {
  const MutexLock lock(in_flight_mutex_);
  const auto found = in_flight_.find(message);
  if (found == in_flight_.end()) return false;
  pending = std::move(found->second);
  in_flight_.erase(found);
  return true;
}

void NatsProducer::ack_handler(jsCtx* /*js*/, natsMsg* message, jsPubAck* /*ack*/,
                               jsPubAckErr* error, void* closure) {
  NatsMessage owned(message);
  static_cast<NatsGate<NatsProducer>*>(closure)->pass(
      [&](NatsProducer& producer) { producer.on_answer(std::move(owned), error); });
}

void NatsProducer::on_answer(NatsMessage message, const jsPubAckErr* error) {
  NatsPending pending;
  if (!take(message.get(), pending)) return;
  if (error == nullptr) return pending.judge({});
  if (Status refused = nats_refusal(*error); !refused.ok()) {
    if (error->Err == NATS_NO_RESPONDERS) link_.recheck();
    return pending.refuse(refused);
  }
  pending.sent();
  pending.no_answer_until(std::chrono::steady_clock::now());
  if (pending.empty()) return;
  const MutexLock lock(mutex_);
  again_.push_back({std::move(message), std::move(pending)});
  work_.notify_one();
}

void NatsProducer::abort() {
  books_.close();
  aborted_ = true;
  give_up_all();
}

void NatsProducer::give_up_all() {
  std::unordered_map<natsMsg*, NatsPending> in_flight;
  {
    const MutexLock lock(in_flight_mutex_);
    in_flight.swap(in_flight_);
  }
  for (auto& [message, pending] : in_flight) pending.no_answer();
  Work work;
  {
    const MutexLock lock(mutex_);
    work = {std::exchange(batches_, {}), std::exchange(again_, {})};
  }
  for (Again& again : work.again) again.pending.no_answer();
  for (const Batch& batch : work.batches) {
    batch.publication->judge(0, shutting_down(), batch.messages.size());
  }
}

}  // namespace millrace::queue
