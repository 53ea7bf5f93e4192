// What the polling thread does when the group gives partitions, or takes them away.
#include <span>

#include "observe/log.h"
#include "queue/kafka/kafka_consumer.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

// For so long the group is asked how far it is, each time for kAnswerPatience.
constexpr std::chrono::seconds kPositionsPatience{10};
constexpr milliseconds kAnswerPatience{1000};
constexpr milliseconds kAskAgain{50};

Time in(Duration time) { return std::chrono::steady_clock::now() + time; }

std::span<const rd_kafka_topic_partition_t> elements(const rd_kafka_topic_partition_list_t& list) {
  return {list.elems, static_cast<std::size_t>(list.cnt)};
}

// Ok, or the first of the partitions' own errors.
rd_kafka_resp_err_t first_error(const rd_kafka_topic_partition_list_t& partitions) {
  for (const auto& partition : elements(partitions)) {
    if (partition.err != RD_KAFKA_RESP_ERR_NO_ERROR) return partition.err;
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void begin_at(rd_kafka_topic_partition_list_t& partitions, std::int64_t unknown) {
  for (auto& partition : std::span(partitions.elems, static_cast<std::size_t>(partitions.cnt))) {
    partition.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (partition.offset < 0) partition.offset = unknown;
  }
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
    consumer.find_positions(*partitions);
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
  {
    const MutexLock lock(mutex_);
    in_group_ = true;
    for (const auto& partition : elements(partitions)) backlog_.assign(partition.partition);
  }
  for (const rd_kafka_topic_partition_t& partition : elements(partitions)) {
    const KafkaQueue fetched(
        rd_kafka_queue_get_partition(handle_->get(), partition.topic, partition.partition));
    if (fetched != nullptr) rd_kafka_queue_forward(fetched.get(), messages_.get());
  }
}

// Left to itself, librdkafka (2.0.2) asks once for the committed offsets. When the group's
// coordinator has just moved, the answer is an error that names no partition, and these partitions
// would never be fetched.
void KafkaConsumer::find_positions(rd_kafka_topic_partition_list_t& partitions) {
  if (partitions.cnt == 0) return;
  const Time deadline = in(kPositionsPatience);
  do {
    auto error =
        rd_kafka_committed(handle_->get(), &partitions, static_cast<int>(kAnswerPatience.count()));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = first_error(partitions);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      return begin_at(partitions, RD_KAFKA_OFFSET_BEGINNING);  // nothing accepted is skipped
    }
    observe::warn("kafka doesn't say yet where to begin",
                  {{"topic", options_.topic}, {"error", rd_kafka_err2str(error)}});
  } while (std::chrono::steady_clock::now() < deadline &&
           rd_kafka_assignment_lost(handle_->get()) == 0 && pause(kAskAgain));
  begin_at(partitions, RD_KAFKA_OFFSET_INVALID);  // the library shall ask
}

bool KafkaConsumer::pause(Duration time) {
  const Time end = in(time);
  MutexLock lock(mutex_);
  while (!closed_ && std::chrono::steady_clock::now() < end) lock.wait_until(room_, end);
  return !closed_;
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
