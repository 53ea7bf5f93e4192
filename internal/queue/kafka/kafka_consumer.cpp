#include "queue/kafka/kafka_consumer.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/wake_at_stop.h"
#include "observe/log.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFetchMax = 1024;
// How long the polling thread may be away from the group's events.
constexpr milliseconds kEventInterval{50};
constexpr milliseconds kCommitInterval{100};
constexpr milliseconds kForeignPause{1000};
constexpr milliseconds kCommitPatience{2000};
constexpr milliseconds kLeavePatience{1500};

Time in(Duration time) { return std::chrono::steady_clock::now() + time; }

std::span<const rd_kafka_topic_partition_t> elements(const rd_kafka_topic_partition_list_t& list) {
  return {list.elems, static_cast<std::size_t>(list.cnt)};
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
                 {"queued.min.messages", std::to_string(options_.prefetch * 4)},
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

void KafkaConsumer::run(const std::stop_token& stop) {
  const auto wake = wake_at_stop(stop, mutex_, room_);
  bool subscribed = false;
  Time next_commit{};
  while (!stop.stop_requested()) {
    // Before the topic is there, the library would look for it every few minutes only.
    if (!subscribed && watch_.ready()) {
      subscribe();
      subscribed = true;
    }
    poll_events();
    if (std::chrono::steady_clock::now() >= next_commit) {
      commit_until(std::chrono::steady_clock::now());
      look_at_ends();
      next_commit = in(kCommitInterval);
    }
    if (const std::size_t max = room(stop)) fetch(max);
  }
  commit_until(in(kCommitPatience));
  if (subscribed) leave_group();
}

void KafkaConsumer::subscribe() {
  const KafkaPartitions topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(),
                                    RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(handle_->get(), topics.get())) {
    observe::error("can't subscribe",
                   {{"topic", options_.topic}, {"error", rd_kafka_err2str(error)}});
  }
}

// Serves the callbacks; the messages themselves come by messages_.
void KafkaConsumer::poll_events() {
  while (KafkaMessage message{rd_kafka_consumer_poll(handle_->get(), 0)}) {
    const MutexLock lock(mutex_);
    keep(std::move(message));
  }
}

std::size_t KafkaConsumer::room(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  const std::size_t waiting = backlog_.waiting();
  if (!closed_ && waiting <= options_.prefetch / 2 && backlog_.again() < options_.retries_max &&
      backlog_.waiting_bytes() <= options_.prefetch_bytes) {
    return std::min(options_.prefetch - waiting, kFetchMax);
  }
  if (!stop.stop_requested()) lock.wait_until(room_, in(kEventInterval));
  return 0;
}

void KafkaConsumer::fetch(std::size_t max) {
  std::array<rd_kafka_message_t*, kFetchMax> raw{};
  raw[0] = rd_kafka_consume_queue(messages_.get(), static_cast<int>(kEventInterval.count()));
  if (raw[0] == nullptr) return;
  // Asked for several, the library would wait until it has them all; so it mayn't wait.
  const ssize_t more = rd_kafka_consume_batch_queue(messages_.get(), 0, &raw[1], max - 1);
  const auto count = static_cast<std::size_t>(std::max<ssize_t>(more, 0)) + 1;
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < count; ++i) keep(KafkaMessage(raw[i]));
  arrivals_.notify_one();
}

void KafkaConsumer::keep(KafkaMessage message) {
  const rd_kafka_message_t& come = *message;
  if (come.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (closed_) return;  // it stays in the topic
    backlog_.keep(come.partition, come.offset, std::move(message));
  } else if (come.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    backlog_.note_next(come.partition, come.offset);
  } else {
    static observe::Throttle throttle(std::chrono::seconds(5));
    if (auto pass = throttle.pass()) {
      observe::warn("can't fetch", {{"topic", options_.topic},
                                    {"error", rd_kafka_message_errstr(&come)},
                                    {"suppressed", pass.suppressed}});
    }
    watch_.suspect(rd_kafka_err2str(come.err));
  }
}

// What the latest answers to our fetches said; this asks nobody.
void KafkaConsumer::look_at_ends() {
  const MutexLock lock(mutex_);
  for (const std::int32_t partition : backlog_.partitions()) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    if (rd_kafka_get_watermark_offsets(handle_->get(), options_.topic.c_str(), partition, &low,
                                       &high) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      backlog_.note_end(partition, high);
    }
  }
}

// So that the others needn't wait for the session to end. Bounded: the library's own closing waits
// for brokers that stand still.
void KafkaConsumer::leave_group() {
  const KafkaQueue events(rd_kafka_queue_new(handle_->get()));
  rd_kafka_error_t* const error = rd_kafka_consumer_close_queue(handle_->get(), events.get());
  if (error != nullptr) return rd_kafka_error_destroy(error);
  const Time deadline = in(kLeavePatience);
  while (rd_kafka_consumer_closed(handle_->get()) == 0 &&
         std::chrono::steady_clock::now() < deadline) {
    const KafkaEvent event(rd_kafka_queue_poll(events.get(), 20));
    // Here the library gives us what else it calls us back with.
    if (event != nullptr && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) {
      rebalance_callback(handle_->get(), rd_kafka_event_error(event.get()),
                         rd_kafka_event_topic_partition_list(event.get()), this);
    }
  }
}

void KafkaConsumer::rebalance_callback(rd_kafka_t* client, rd_kafka_resp_err_t what,
                                       rd_kafka_topic_partition_list_t* partitions, void* self) {
  auto& consumer = *static_cast<KafkaConsumer*>(self);
  rd_kafka_error_t* error = nullptr;
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    consumer.on_assigned(*partitions);
    error = rd_kafka_incremental_assign(client, partitions);
  } else {
    consumer.on_revoked(*partitions, rd_kafka_assignment_lost(client) != 0);
    error = rd_kafka_incremental_unassign(client, partitions);
  }
  if (error == nullptr) return;
  observe::error("kafka rebalance failed", {{"error", rd_kafka_error_string(error)}});
  rd_kafka_error_destroy(error);
}

void KafkaConsumer::error_callback(rd_kafka_t* /*client*/, int code, const char* reason,
                                   void* self) {
  static_cast<KafkaConsumer*>(self)->watch_.on_error(static_cast<rd_kafka_resp_err_t>(code),
                                                     reason);
}

void KafkaConsumer::on_assigned(const rd_kafka_topic_partition_list_t& partitions) {
  observe::info("kafka partitions assigned",
                {{"topic", options_.topic}, {"partitions", partitions.cnt}});
  for (const rd_kafka_topic_partition_t& partition : elements(partitions)) {
    {
      const MutexLock lock(mutex_);
      backlog_.assign(partition.partition);
    }
    const KafkaQueue fetched(rd_kafka_queue_get_partition(handle_->get(), partition.topic,
                                                          partition.partition));
    if (fetched != nullptr) rd_kafka_queue_forward(fetched.get(), messages_.get());
  }
}

void KafkaConsumer::on_revoked(const rd_kafka_topic_partition_list_t& partitions, bool lost) {
  observe::info("kafka partitions taken away",
                {{"topic", options_.topic}, {"partitions", partitions.cnt}, {"lost", lost}});
  Positions last;
  {
    MutexLock lock(mutex_);
    const auto in_work = [&] {
      std::size_t sum = 0;
      for (const auto& partition : elements(partitions)) {
        sum += backlog_.in_work(partition.partition);
      }
      return sum;
    };
    for (const auto& partition : elements(partitions)) backlog_.drop_waiting(partition.partition);
    // They are somebody else's already when they are lost.
    const Time deadline = in(lost ? Duration::zero() : Duration(options_.revoke_patience));
    while (in_work() > 0 && lock.wait_until(settled_, deadline)) {
      for (const auto& partition : elements(partitions)) backlog_.drop_waiting(partition.partition);
    }
    last = backlog_.take_positions();
    for (const auto& partition : elements(partitions)) {
      backlog_.take_away(partition.partition);
      if (lost) std::erase_if(last, [&](auto& at) { return at.partition == partition.partition; });
    }
  }
  commits_->commit(last);
  static_cast<void>(commits_->await_answers(in(kCommitPatience)));
}

void KafkaConsumer::commit_until(Time deadline) {
  Positions moved;
  {
    const MutexLock lock(mutex_);
    moved = backlog_.take_positions();
  }
  commits_->commit(moved);
  if (commits_->await_answers(deadline)) return;
  // Until the next commit says it, some messages would come twice after a crash.
  const MutexLock lock(mutex_);
  backlog_.offer_positions_again();
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
                                                      const std::stop_token& stop,
                                                      Status& status) {
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
    auto message = Message::decode(
        std::string(static_cast<const char*>(held.raw->payload), held.raw->len));
    if (!message.has_value()) return bury_foreign(held, message.error());
    held.message = std::move(*message);
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

void KafkaConsumer::on_retry(Delivery& delivery, Duration delay, std::string_view /*why*/) noexcept {
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
  stats.waiting = backlog_.waiting_in_all();
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
