// What the producer, the consumer and the dead letters have in common: a librdkafka handle with our
// settings, and the topics it needs.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "queue/kafka/kafka_handles.h"
#include "queue/kafka/kafka_options.h"

namespace millrace::queue {

struct KafkaTopicSpec {
  std::string name;
  int partitions = 1;
  KafkaProperties config;  // when it is created
};

// A configuration with the brokers, `ours`, and the operator's properties last. Code::invalid names
// the property that librdkafka doesn't take, without its value.
Result<KafkaConf> make_kafka_conf(const KafkaOptions& options, const KafkaProperties& ours);

// Code::invalid says what librdkafka has against `conf`.
Result<std::shared_ptr<KafkaHandle>> make_kafka_handle(rd_kafka_type_t type, KafkaConf conf);

// "kafka host:9092: <words>", Code::unavailable.
Status kafka_unavailable(const KafkaOptions& options, const std::string& words);

// What is published; all of it is borrowed for the call.
struct KafkaRecord {
  const std::string& topic;
  std::int32_t partition = RD_KAFKA_PARTITION_UA;  // by default, by the key
  std::string_view key{};
  std::optional<std::string_view> value{};  // nothing: a tombstone
  std::span<const std::pair<std::string, std::string>> headers{};
  void* opaque = nullptr;  // comes back in the report
};

// Hands a copy of the record to the library; doesn't block. A report comes if it is ok.
rd_kafka_resp_err_t produce(rd_kafka_t* client, const KafkaRecord& record);

// Whether the broker that was asked knows of the topic. Blocks for a second at most.
// Code::unavailable says why it can't be told.
Result<bool> knows_topic(rd_kafka_t* client, const KafkaOptions& options,
                         const KafkaTopicSpec& topic);

// Ok too when somebody else has made it. Brokers may learn of it a little later. Blocks for a few
// seconds at most. Code::unavailable says why not.
Status create_topic(rd_kafka_t* client, const KafkaOptions& options, const KafkaTopicSpec& topic);

}  // namespace millrace::queue
