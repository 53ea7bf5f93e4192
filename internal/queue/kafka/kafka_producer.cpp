#include "queue/kafka/kafka_producer.h"

#include <array>

#include "observe/log.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr int kPollMs = 20;
constexpr milliseconds kExpireInterval{10};
constexpr milliseconds kPurgePatience{500};

// librdkafka's own limit on a request, less what a record has besides its value.
constexpr std::uint64_t kMessageBytesMax = 1'000'000 - 512;

Status unknown() {
  return {Code::deadline, "kafka: no answer in time, the message may be stored or not"};
}

Status verdict_of(const rd_kafka_message_t& report) {
  if (report.err == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (report.err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
    return {Code::too_large, "the message has " + std::to_string(report.len) +
                                 " bytes, which is more than the topic takes"};
  }
  if (rd_kafka_message_status(&report) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED) return unknown();
  return {Code::unavailable, std::string("kafka: ") + rd_kafka_err2str(report.err)};
}

// What says nothing against the brokers.
bool is_about_the_message(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
         error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

}  // namespace

struct KafkaProducer::Sending {
  Sending(std::shared_ptr<Publication> of, std::size_t count, Time until)
      : publication(std::move(of)), deadline(until), left(count + 1), sent(count) {
    for (Sent& message : sent) message.sending = this;
  }

  std::shared_ptr<Publication> publication;
  const Time deadline;
  std::atomic<std::size_t> left;  // reports to come, and the publishing itself
  std::vector<Sent> sent;
  Sendings::iterator place;
};

KafkaProducer::KafkaProducer(KafkaOptions options, Executor& executor)
    : options_(std::move(options)),
      books_(options_.limits, executor),
      watch_(options_, "producer", {{options_.topic, options_.partitions, {}}}) {}

KafkaProducer::~KafkaProducer() {
  abort();
  thread_ = {};
  watch_.stop();
  if (const auto last = handle()) purge(*last);
  {
    const MutexLock lock(mutex_);
    handle_.reset();  // no report comes any more
  }
  expire(Time::max());
  static_cast<void>(books_.drain(Time::max()));
}

Status KafkaProducer::start() {
  auto made = make_handle();
  if (!made.has_value()) return made.error();
  {
    const MutexLock lock(mutex_);
    handle_ = std::move(*made);
  }
  watch_.start([this] { return handle(); });
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

Result<std::shared_ptr<KafkaHandle>> KafkaProducer::make_handle() {
  auto conf = make_kafka_conf(
      options_, {{"enable.idempotence", "true"},
                 {"acks", "all"},
                 {"partitioner", "murmur2_random"},  // as Kafka's own clients do
                 {"linger.ms", std::to_string(options_.linger.count())},
                 {"message.timeout.ms", std::to_string(options_.message_timeout.count())},
                 // What has its verdict by our deadline may still be in there.
                 {"queue.buffering.max.messages", std::to_string(2 * options_.limits.messages)},
                 {"queue.buffering.max.kbytes", std::to_string(2 * options_.limits.bytes / 1024)}});
  if (!conf.has_value()) return conf.error();
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf->get(), report_callback);
  rd_kafka_conf_set_error_cb(conf->get(), error_callback);
  return make_kafka_handle(RD_KAFKA_PRODUCER, std::move(*conf));
}

std::shared_ptr<KafkaHandle> KafkaProducer::handle() const {
  const MutexLock lock(mutex_);
  return handle_;
}

Status KafkaProducer::health() const {
  if (books_.closed()) return {Code::closed, "shutting down"};
  return watch_.health();
}

std::uint64_t KafkaProducer::message_bytes_max() const { return kMessageBytesMax; }

void KafkaProducer::publish(std::vector<Message> batch, Time deadline, PublishDone done) {
  auto [publication, admitted] = books_.open(batch, std::move(done));
  if (admitted == 0) return;
  const auto current = handle();
  if (!watch_.ready() || fatal_ || current == nullptr) {
    Status why = watch_.health();
    if (why.ok()) why = kafka_unavailable(options_, "connecting anew");
    for (std::size_t i = 0; i < admitted; ++i) publication->judge(i, why);
    return;
  }
  Sending& sending = begin(std::move(publication), admitted, deadline);
  for (std::size_t i = 0; i < admitted; ++i) {
    Status failed = send(current->get(), batch[i], sending.sent[i]);
    if (failed.ok()) continue;
    judge(sending.sent[i], std::move(failed));
    release(sending);
  }
  release(sending);
}

KafkaProducer::Sending& KafkaProducer::begin(std::shared_ptr<Publication> publication,
                                             std::size_t count, Time deadline) {
  auto sending = std::make_unique<Sending>(std::move(publication), count, deadline);
  Sending& begun = *sending;
  const MutexLock lock(mutex_);
  begun.place = sendings_.insert(sendings_.end(), std::move(sending));
  return begun;
}

Status KafkaProducer::send(rd_kafka_t* client, const Message& message, Sent& sent) {
  const std::string& wire = message.wire();
  if (wire.size() > kMessageBytesMax) {
    return {Code::too_large, "the message has " + std::to_string(wire.size()) +
                                 " bytes, Kafka is sent " + std::to_string(kMessageBytesMax)};
  }
  KafkaProperties headers;
  if (message.replay() != 0) {
    headers.emplace_back(kKafkaReplayHeader, std::to_string(message.replay()));
  }
  const rd_kafka_resp_err_t error = produce(client, {.topic = options_.topic,
                                                     .key = message.source(),
                                                     .value = wire,
                                                     .headers = headers,
                                                     .opaque = &sent});
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return {};
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return {Code::full, "kafka: as many messages as allowed are on their way already"};
    default:  // a fatal error is told to error_callback(), of the handle that is polled
      return {Code::unavailable, std::string("kafka: ") + rd_kafka_err2str(error)};
  }
}

void KafkaProducer::judge(Sent& sent, Status verdict) {
  if (sent.judged.exchange(true)) return;
  const auto index = static_cast<std::size_t>(&sent - sent.sending->sent.data());
  sent.sending->publication->judge(index, std::move(verdict));
}

void KafkaProducer::release(Sending& sending) {
  if (sending.left.fetch_sub(1) != 1) return;
  const MutexLock lock(mutex_);
  sendings_.erase(sending.place);
}

void KafkaProducer::run(const std::stop_token& stop) {
  Time next_expiry{};
  while (!stop.stop_requested()) {
    if (fatal_) rebuild();
    if (const auto current = handle()) rd_kafka_poll(current->get(), kPollMs);
    const Time now = std::chrono::steady_clock::now();
    if (now < next_expiry) continue;
    expire(now);
    next_expiry = now + kExpireInterval;
  }
}

void KafkaProducer::expire(Time now) {
  const MutexLock lock(mutex_);
  for (const auto& sending : sendings_) {
    if (sending->deadline > now) continue;
    for (Sent& sent : sending->sent) judge(sent, unknown());
  }
}

// The library calls an error fatal when it can't promise any more that each message is stored once
// and in its order. What was under way gets its reports, and a new handle begins anew.
void KafkaProducer::rebuild() {
  const auto old = handle();
  std::array<char, 256> why{};
  rd_kafka_fatal_error(old->get(), why.data(), why.size());
  observe::warn("kafka producer failed, making a new one", {{"error", why.data()}});
  watch_.suspect("connecting anew");
  purge(*old);
  auto made = make_handle();
  if (!made.has_value()) {
    observe::error("no new kafka producer", {{"error", made.error().text()}});
    return;
  }
  const MutexLock lock(mutex_);
  handle_ = std::move(*made);
  fatal_ = false;
}

void KafkaProducer::purge(KafkaHandle& handle) {
  rd_kafka_purge(handle.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                   RD_KAFKA_PURGE_F_NON_BLOCKING);
  const Time end = std::chrono::steady_clock::now() + kPurgePatience;
  while (rd_kafka_outq_len(handle.get()) > 0 && std::chrono::steady_clock::now() < end) {
    rd_kafka_poll(handle.get(), kPollMs);
  }
}

void KafkaProducer::abort() {
  books_.close();
  expire(Time::max());
}

void KafkaProducer::on_report(const rd_kafka_message_t& report) {
  Sent& sent = *static_cast<Sent*>(report._private);
  if (!is_about_the_message(report.err)) watch_.suspect(rd_kafka_err2str(report.err));
  judge(sent, verdict_of(report));
  release(*sent.sending);
}

void KafkaProducer::report_callback(rd_kafka_t* /*client*/, const rd_kafka_message_t* report,
                                    void* self) {
  static_cast<KafkaProducer*>(self)->on_report(*report);
}

void KafkaProducer::error_callback(rd_kafka_t* /*client*/, int code, const char* reason,
                                   void* self) {
  auto& producer = *static_cast<KafkaProducer*>(self);
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  if (error == RD_KAFKA_RESP_ERR__FATAL) producer.fatal_ = true;
  producer.watch_.on_error(error, reason);
}

}  // namespace millrace::queue
