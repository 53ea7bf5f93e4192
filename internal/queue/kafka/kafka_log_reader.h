// Reads a partition from an offset on, as a log: without a group, and without waiting for more.
#pragma once

#include <functional>
#include <memory>

#include "base/status.h"
#include "queue/kafka/kafka_client.h"

namespace millrace::queue {

// Not thread-safe. The calls block, a few seconds without any answer at most.
class KafkaLogReader {
 public:
  KafkaLogReader(const KafkaOptions& options, std::string topic)
      : options_(options), topic_name_(std::move(topic)) {}

  // Each record from `offset` on, in order, until `take` says false or the end is reached.
  Status read(std::int64_t offset, const std::function<bool(const rd_kafka_message_t&)>& take);

 private:
  Status open();

  const KafkaOptions& options_;
  const std::string topic_name_;
  std::shared_ptr<KafkaHandle> handle_;
  KafkaTopic topic_;
};

}  // namespace millrace::queue
