#include "queue/nats/nats_producer.h"

#include <algorithm>

#include "queue/nats/nats_error.h"
#include "queue/nats/nats_topology.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

// How long to wait for an answer before publishing again.
constexpr milliseconds kAnswerTimeout{1500};
// How often to look whether the connection is back for what waits for it.
constexpr milliseconds kReconnectCheck{50};
// What the header with the id takes of the largest message the server allows.
constexpr std::int64_t kHeaderBytes = 256;

milliseconds until(Time deadline) {
  return std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
}

// What the stream's duplicate window compares.
std::string publication_id(const Message& message) {
  std::string id(message.id());
  if (message.replay() != 0) id.append("/").append(std::to_string(message.replay()));
  return id;
}

std::uint64_t size_max_of(const NatsSession* session) {
  if (session == nullptr) return UINT64_MAX;
  const std::int64_t payload = natsConnection_GetMaxPayload(session->connection());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(payload - kHeaderBytes, 0));
}

Status no_answer() {
  return {Code::deadline, "nats: no answer in time, the message may be stored or not"};
}

}  // namespace

void NatsProducer::Pending::refuse(Status why) {
  judge(sent_before ? no_answer() : std::move(why));
}

NatsProducer::NatsProducer(NatsOptions options, Executor& executor)
    : options_(std::move(options)),
      books_(options_.limits, executor),
      gate_(NatsGate<NatsProducer>::open(*this)),
      link_(
          options_, "producer", [this](jsCtx& js) { return ensure_stream(js, options_); },
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

std::uint64_t NatsProducer::message_bytes_max() const { return size_max_of(link_.session().get()); }

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
    for (Batch& batch : work.batches) send(batch);
  }
  for (Again& again : later) again.pending.judge(no_answer());
}

NatsProducer::Work NatsProducer::next(const std::stop_token& stop, Time latest) {
  MutexLock lock(mutex_);
  while (batches_.empty() && again_.empty() && !stop.stop_requested()) {
    if (!lock.wait_until(work_, latest)) break;
  }
  return {std::exchange(batches_, {}), std::exchange(again_, {})};
}

void NatsProducer::send(Batch& batch) {
  const auto session = link_.session();
  const std::uint64_t size_max = size_max_of(session.get());
  std::vector<NatsMessage> ready;
  ready.reserve(batch.messages.size());
  {
    const MutexLock lock(in_flight_mutex_);
    for (std::size_t i = 0; i < batch.messages.size(); ++i) {
      Pending pending{batch.publication, i, batch.deadline};
      if (aborted_) {
        pending.judge({Code::closed, "shutting down"});
        continue;
      }
      if (!session) {
        pending.judge(link_.health().ok() ? Status(Code::unavailable, "nats: reconnecting")
                                          : link_.health());
        continue;
      }
      auto message = encode(batch.messages[i], size_max);
      if (!message.has_value()) {
        pending.judge(std::move(message).error());
        continue;
      }
      in_flight_.emplace(message->get(), std::move(pending));
      ready.push_back(std::move(*message));
    }
  }
  for (NatsMessage& message : ready) hand_over(*session, std::move(message));
}

Result<NatsMessage> NatsProducer::encode(const Message& message, std::uint64_t size_max) const {
  const std::string& wire = message.wire();
  if (wire.size() > size_max) {
    return Status(Code::too_large, "the message has " + std::to_string(wire.size()) +
                                       " bytes, the server takes " + std::to_string(size_max));
  }
  natsMsg* raw = nullptr;
  natsStatus status = natsMsg_Create(&raw, options_.subject.c_str(), nullptr, wire.data(),
                                     static_cast<int>(wire.size()));
  NatsMessage encoded(raw);
  if (status == NATS_OK) {
    status = natsMsgHeader_Set(raw, "Nats-Msg-Id", publication_id(message).c_str());
  }
  if (status == NATS_OK && message.replay() != 0) {
    status = natsMsgHeader_Set(raw, kNatsReplayHeader, std::to_string(message.replay()).c_str());
  }
  if (status != NATS_OK) return Status(Code::internal, "nats: " + nats_text(status));
  return encoded;
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
    publish.MaxWait =
        std::clamp(until(found->second.deadline), milliseconds(1), kAnswerTimeout).count();
  }
  natsMsg* raw = message.release();
  const natsStatus status = js_PublishMsgAsync(session.js(), &raw, &publish);
  if (status == NATS_OK) return;
  message.reset(raw);
  Pending pending;
  if (!take(key, pending)) return;
  if (status == NATS_MAX_PAYLOAD) {
    return pending.refuse({Code::too_large, "nats: " + nats_text(status)});
  }
  const bool never_left = status == NATS_INSUFFICIENT_BUFFER || status == NATS_CONNECTION_CLOSED ||
                          status == NATS_CONNECTION_DISCONNECTED || status == NATS_TIMEOUT;
  pending.sent_before = pending.sent_before || !never_left;
  pending.refuse({Code::unavailable, "nats: " + nats_text(status)});
}

bool NatsProducer::send_again(Again& again) {
  if (again.pending.deadline <= std::chrono::steady_clock::now() || aborted_) {
    again.pending.judge(no_answer());
    return true;
  }
  const auto session = link_.session();
  if (!session) return false;
  {
    const MutexLock lock(in_flight_mutex_);
    in_flight_.emplace(again.message.get(), std::move(again.pending));
  }
  hand_over(*session, std::move(again.message));
  return true;
}

bool NatsProducer::take(natsMsg* message, Pending& pending) {
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
  Pending pending;
  if (!take(message.get(), pending)) return;
  if (error == nullptr) return pending.judge({});
  if (Status refused = nats_refusal(*error); !refused.ok()) {
    if (error->Err == NATS_NO_RESPONDERS) link_.recheck();
    return pending.refuse(std::move(refused));
  }
  pending.sent_before = true;
  if (pending.deadline <= std::chrono::steady_clock::now()) return pending.judge(no_answer());
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
  std::unordered_map<natsMsg*, Pending> in_flight;
  {
    const MutexLock lock(in_flight_mutex_);
    in_flight.swap(in_flight_);
  }
  for (auto& [message, pending] : in_flight) pending.judge(no_answer());
  Work work;
  {
    const MutexLock lock(mutex_);
    work = {std::exchange(batches_, {}), std::exchange(again_, {})};
  }
  for (Again& again : work.again) again.pending.judge(no_answer());
  for (Batch& batch : work.batches) {
    for (std::size_t i = 0; i < batch.messages.size(); ++i) {
      batch.publication->judge(i, {Code::closed, "shutting down"});
    }
  }
}

}  // namespace millrace::queue
