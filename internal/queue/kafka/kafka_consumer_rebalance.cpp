// What the polling thread does when the group gives partitions, or takes them away.
#include <algorithm>
#include <span>

#include "observe/log.h"
#include "queue/kafka/kafka_consumer.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCommitPatience{2000};
constexpr std::chrono::minutes kSilenceMax{5};

Time in(Duration time) { return std::chrono::steady_clock::now() + time; }

std::span<const rd_kafka_topic_partition_t> elements(const rd_kafka_topic_partition_list_t& list) {
  return {list.elems, static_cast<std::size_t>(list.cnt)};
}

void note_failure(rd_kafka_error_t* error) {
  if (error == nullptr) return;
  observe::error("kafka rebalance failed", {{"error", rd_kafka_error_string(error)}});
  rd_kafka_error_destroy(error);
}

}  // namespace

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
  note_failure(error);
}

void KafkaConsumer::on_assigned(const rd_kafka_topic_partition_list_t& partitions) {
  observe::info("kafka partitions assigned",
                {{"topic", options_.topic}, {"partitions", partitions.cnt}});
  silence_ = options_.silence_max;
  silence_ends_ = in(silence_);
  {
    const MutexLock lock(mutex_);
    in_group_ = true;
    for (const auto& partition : elements(partitions)) backlog_.assign(partition.partition);
  }
  forward(partitions);
}

void KafkaConsumer::forward(const rd_kafka_topic_partition_list_t& partitions) {
  for (const rd_kafka_topic_partition_t& partition : elements(partitions)) {
    const KafkaQueue fetched(
        rd_kafka_queue_get_partition(handle_->get(), partition.topic, partition.partition));
    if (fetched != nullptr) rd_kafka_queue_forward(fetched.get(), messages_.get());
  }
}

// librdkafka (2.0.2) asks for a partition's committed offset once. When the group's coordinator has
// just moved, the answer is an error that names no partition, and the partition stays silent for
// ever. Given back and taken again, it is asked for anew.
void KafkaConsumer::ask_anew_for_silent() {
  const Time now = std::chrono::steady_clock::now();
  if (!watch_.ready()) silence_ends_ = now + silence_;
  if (now < silence_ends_) return;
  const KafkaPartitions silent(rd_kafka_topic_partition_list_new(0));
  {
    const MutexLock lock(mutex_);
    for (const std::int32_t partition : backlog_.silent()) {
      rd_kafka_topic_partition_list_add(silent.get(), options_.topic.c_str(), partition);
    }
  }
  // Longer each time: what is only slow must come through at last.
  silence_ = std::min<Duration>(silence_ * 2, kSilenceMax);
  silence_ends_ = now + silence_;
  if (silent->cnt == 0) return;
  observe::warn("nothing comes of kafka partitions, asking anew",
                {{"topic", options_.topic}, {"partitions", silent->cnt}});
  note_failure(rd_kafka_incremental_unassign(handle_->get(), silent.get()));
  forward(*silent);
  note_failure(rd_kafka_incremental_assign(handle_->get(), silent.get()));
}

std::size_t KafkaConsumer::wind_up(const rd_kafka_topic_partition_list_t& partitions) {
  std::size_t in_work = 0;
  for (const rd_kafka_topic_partition_t& partition : elements(partitions)) {
    backlog_.drop_waiting(partition.partition);
    in_work += backlog_.in_work(partition.partition);
  }
  return in_work;
}

void KafkaConsumer::on_revoked(const rd_kafka_topic_partition_list_t& partitions, bool lost) {
  observe::info("kafka partitions taken away",
                {{"topic", options_.topic}, {"partitions", partitions.cnt}, {"lost", lost}});
  Positions last;
  {
    MutexLock lock(mutex_);
    // They are somebody else's already when they are lost.
    const Time deadline = in(lost ? Duration::zero() : Duration(options_.revoke_patience));
    while (wind_up(partitions) > 0 && lock.wait_until(settled_, deadline)) {
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

}  // namespace millrace::queue
