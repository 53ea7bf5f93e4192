// Tells a consumer group how far its member is, without waiting for the answer, and takes the
// answers later.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "queue/kafka/kafka_backlog.h"

namespace millrace::queue {

// Thread-safe.
class KafkaCommitter {
 public:
  using Positions = std::vector<KafkaBacklog::Position>;

  KafkaCommitter(std::shared_ptr<KafkaHandle> consumer, std::string topic);

  void commit(const Positions& positions) EXCLUDES(mutex_);
  // Waits for the answers that are to come, until `deadline`. False: a commit failed, and is to be
  // made again.
  bool await_answers(Time deadline) EXCLUDES(mutex_);

 private:
  enum class Answer : std::uint8_t { none, good, bad };
  Answer take_one(Duration patience) REQUIRES(mutex_);

  const std::shared_ptr<KafkaHandle> consumer_;
  const std::string topic_;
  const KafkaQueue answers_;
  Mutex mutex_;
  std::size_t unanswered_ GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::queue
