#include "queue/kafka/kafka_consumer.h"

#include <algorithm>
#include <bit>

#include "base/parse_number.h"
#include "base/wake_at_stop.h"
#include "observe/log.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kForeignPause{1000};

Time in(Duration time) { return std::chrono::steady_clock::now() + time; }

std::uint64_t replay_of(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, kKafkaReplayHeader, &value, &size) !=
          RD_KAFKA_RESP_ERR_NO_ERROR) {
    return 0;
  }
  return parse_number<std::uint64_t>({static_cast<const char*>(value), size}).value_or(0);
}

}  // namespace

KafkaConsumer::KafkaConsumer(KafkaOptions options, DeadLetters& foreign)
    : options_(std::move(options)),
      foreign_(foreign),
      watch_(options_, "consumer", {{options_.topic, options_.partitions, {}}}) {}

KafkaConsumer::~KafkaConsumer() {
  stop_accepting();
  thread_ = {};
  watch_.stop();
}

Result<KafkaConf> KafkaConsumer::make_conf() {
  auto conf = make_kafka_conf(
      options_, {{"group.id", options_.group},
                 {"partition.assignment.strategy", "cooperative-sticky"},
                 {"enable.auto.commit", "false"},
                 {"enable.auto.offset.store", "false"},
                 {"auto.offset.reset", "earliest"},  // nothing accepted is skipped
                 {"enable.partition.eof", "true"},
                 {"isolation.level", "read_committed"},
                 {"session.timeout.ms", std::to_string(options_.session_timeout.count())},
                 {"heartbeat.interval.ms", std::to_string(options_.session_timeout.count() / 5)},
                 {"fetch.wait.max.ms", "200"},
                 // Once its own queue is full, this version of the library looks only every second
                 // whether there is room again: so it is large, and emptied into ours at once.
                 {"queued.min.messages", "1000000"},
                 {"queued.max.messages.kbytes", std::to_string(options_.prefetch_bytes / 1024)}});
  if (!conf.has_value()) return conf;
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_rebalance_cb(conf->get(), rebalance_callback);
  rd_kafka_conf_set_error_cb(conf->get(), error_callback);
  return conf;
}

Status KafkaConsumer::start() {
  auto conf = make_conf();
  if (!conf.has_value()) return conf.error();
  auto handle = make_kafka_handle(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!handle.has_value()) return handle.error();
  handle_ = std::move(*handle);
  rd_kafka_poll_set_consumer(handle_->get());
  messages_.reset(rd_kafka_queue_new(handle_->get()));
  commits_.emplace(handle_, options_.topic);
  watch_.start([this] { return handle_; });
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

Status KafkaConsumer::receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
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

std::vector<KafkaConsumer::Held*> KafkaConsumer::take(std::size_t max, Time deadline,
                                                      const std::stop_token& stop, Status& status) {
  std::vector<Held*> taken;
  const auto wake = wake_at_stop(stop, mutex_, arrivals_);
  MutexLock lock(mutex_);
  while (closed_ || !backlog_.has_any(std::chrono::steady_clock::now())) {
    if (aborted_ || (closed_ && stats_.in_flight == 0)) {
      status = {Code::closed, "shutting down"};
      return taken;
    }
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) return taken;
    const Time until = std::min(deadline, closed_ ? Time::max() : backlog_.next_due());
    if (until == Time::max()) {
      lock.wait(arrivals_);
    } else {
      lock.wait_until(arrivals_, until);
    }
  }
  const Time now = std::chrono::steady_clock::now();
  backlog_.take(max, now, taken);
  stats_.received += taken.size();
  stats_.in_flight += taken.size();
  if (backlog_.has_any(now)) arrivals_.notify_one();
  room_.notify_one();
  return taken;
}

void KafkaConsumer::deliver(Held& held, std::vector<Delivery>& out) {
  if (held.raw != nullptr) {
    auto message =
        Message::decode(std::string(static_cast<const char*>(held.raw->payload), held.raw->len));
    if (!message.has_value()) return bury_foreign(held, message.error());
    held.message = std::move(*message);
    held.message.set_replay(replay_of(*held.raw));
    held.raw.reset();
  }
  out.emplace_back(std::move(held.message), held.attempt, *this,
                   std::bit_cast<std::uintptr_t>(&held));
}

void KafkaConsumer::bury_foreign(Held& held, const Status& why) {
  DeadLetter letter;
  const std::string reason = "not a message of ours: " + why.text();
  letter.wire = {static_cast<const char*>(held.raw->payload), held.raw->len};
  letter.reason = reason;
  letter.attempts = 0;
  letter.origin = {options_.topic, held.partition_id(), held.offset, 0};
  if (const Status kept = foreign_.write({&letter, 1}); !kept.ok()) {
    observe::warn("a foreign message can't be dead-lettered yet", {{"error", kept.text()}});
    return put_back(held, in(kForeignPause), &ConsumerStats::nacked);
  }
  observe::warn("foreign message dead-lettered", {{"topic", options_.topic},
                                                  {"partition", held.partition_id()},
                                                  {"offset", held.offset},
                                                  {"reason", reason}});
  finish(held, &ConsumerStats::rejected);
}

KafkaConsumer::Held& KafkaConsumer::held_of(const Delivery& delivery) {
  return *std::bit_cast<Held*>(static_cast<std::uintptr_t>(delivery.token()));
}

void KafkaConsumer::count(std::uint64_t ConsumerStats::*book) {
  stats_.*book += 1;
  stats_.in_flight -= 1;
  if (stats_.in_flight == 0 && closed_) arrivals_.notify_all();
  settled_.notify_all();
}

void KafkaConsumer::finish(Held& held, std::uint64_t ConsumerStats::*book) {
  const MutexLock lock(mutex_);
  backlog_.finish(held);
  count(book);
}

void KafkaConsumer::put_back(Held& held, Time due, std::uint64_t ConsumerStats::*book) {
  const MutexLock lock(mutex_);
  backlog_.put_back(held, due);
  count(book);
  arrivals_.notify_one();
}

void KafkaConsumer::on_ack(Delivery& delivery) noexcept {
  finish(held_of(delivery), &ConsumerStats::acked);
}

void KafkaConsumer::on_reject(Delivery& delivery, std::string_view /*why*/) noexcept {
  finish(held_of(delivery), &ConsumerStats::rejected);
}

void KafkaConsumer::on_retry(Delivery& delivery, Duration delay,
                             std::string_view /*why*/) noexcept {
  Held& held = held_of(delivery);
  held.message = delivery.take_message();
  ++held.attempt;
  if (held.first_failed_ms == 0) held.first_failed_ms = system_clock().unix_ms();
  put_back(held, in(delay), &ConsumerStats::retried);
}

void KafkaConsumer::on_nack(Delivery& delivery) noexcept {
  Held& held = held_of(delivery);
  held.message = delivery.take_message();
  put_back(held, Time(), &ConsumerStats::nacked);
}

Origin KafkaConsumer::origin(const Delivery& delivery) const {
  const Held& held = held_of(delivery);
  return {options_.topic, held.partition_id(), held.offset, held.first_failed_ms};
}

ConsumerStats KafkaConsumer::consumer_stats() const {
  const MutexLock lock(mutex_);
  ConsumerStats stats = stats_;
  stats.waiting = in_group_ ? backlog_.waiting_in_all() : 1;
  return stats;
}

void KafkaConsumer::close(bool abort) {
  const MutexLock lock(mutex_);
  closed_ = true;
  aborted_ = aborted_ || abort;
  for (const std::int32_t partition : backlog_.partitions()) backlog_.drop_waiting(partition);
  room_.notify_all();
  arrivals_.notify_all();
}

Status KafkaConsumer::drain(Time deadline) {
  {
    MutexLock lock(mutex_);
    while (stats_.in_flight > 0) {
      if (!lock.wait_until(settled_, deadline) && stats_.in_flight > 0) {
        return {Code::deadline, std::to_string(stats_.in_flight) + " messages aren't settled"};
      }
    }
  }
  if (handle_ == nullptr) return {};
  // What the group doesn't hear of now comes again: no loss, so no failure.
  commit_until(std::min(deadline, in(kCommitPatience)));
  return {};
}

}  // namespace millrace::queue
