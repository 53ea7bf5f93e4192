#include "queue/kafka/kafka_committer.h"

#include <algorithm>

#include "observe/log.h"

namespace millrace::queue {

KafkaCommitter::KafkaCommitter(std::shared_ptr<KafkaHandle> consumer, std::string topic)
    : consumer_(std::move(consumer)),
      topic_(std::move(topic)),
      answers_(rd_kafka_queue_new(consumer_->get())) {}

void KafkaCommitter::commit(const Positions& positions) {
  if (positions.empty()) return;
  const KafkaPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const auto& [partition, offset] : positions) {
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset = offset;
  }
  const MutexLock lock(mutex_);
  if (rd_kafka_commit_queue(consumer_->get(), list.get(), answers_.get(), nullptr, nullptr) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++unanswered_;
  }
}

KafkaCommitter::Answer KafkaCommitter::take_one(Duration patience) {
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  const KafkaEvent answer(
      rd_kafka_queue_poll(answers_.get(), static_cast<int>(std::clamp(wait, 0L, 60'000L))));
  if (answer == nullptr) return Answer::none;
  --unanswered_;
  const auto error = rd_kafka_event_error(answer.get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return Answer::good;
  observe::debug("kafka offsets not committed", {{"error", rd_kafka_err2str(error)}});
  return Answer::bad;
}

bool KafkaCommitter::await_answers(Time deadline) {
  const MutexLock lock(mutex_);
  bool good = true;
  while (unanswered_ > 0) {
    const Answer answer = take_one(deadline - std::chrono::steady_clock::now());
    if (answer == Answer::none) break;
    good = good && answer == Answer::good;
  }
  return good;
}

}  // namespace millrace::queue
