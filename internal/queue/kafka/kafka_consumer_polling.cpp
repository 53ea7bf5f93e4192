// The consumer's polling thread: it serves the group, fetches ahead, and commits.
#include <algorithm>
#include <array>

#include "base/wake_at_stop.h"
#include "observe/log.h"
#include "queue/kafka/kafka_consumer.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFetchMax = 1024;
// How long the polling thread may be away from the group's events.
constexpr milliseconds kEventInterval{50};
constexpr milliseconds kCommitInterval{100};
constexpr milliseconds kLeavePatience{1500};

Time in(Duration time) { return std::chrono::steady_clock::now() + time; }

}  // namespace

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
  rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(), RD_KAFKA_PARTITION_UA);
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

void KafkaConsumer::error_callback(rd_kafka_t* /*client*/, int code, const char* reason,
                                   void* self) {
  static_cast<KafkaConsumer*>(self)->watch_.on_error(static_cast<rd_kafka_resp_err_t>(code),
                                                     reason);
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

}  // namespace millrace::queue
