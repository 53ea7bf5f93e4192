// Which brokers, which topic, and how much of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "queue/publishing.h"

namespace millrace::queue {

// Names and values as librdkafka knows them.
using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

// Message::replay(), on its way through a topic.
inline constexpr const char* kKafkaReplayHeader = "millrace-replay";

struct KafkaOptions {
  std::string brokers = "localhost:9092";  // host:port, comma-separated
  std::string topic = "diplom-messages";
  std::string group = "processor-group";
  // SASL, TLS and whatever else librdkafka is to be told; never logged.
  KafkaProperties properties;

  // The topics', when they are created.
  int partitions = 4;
  int replicas = 1;

  // For so long librdkafka tries to publish a message. It knows more of what became of it than our
  // own deadlines do: so it is shorter than most of them.
  std::chrono::milliseconds message_timeout{4000};
  // How long a message may wait for others to travel with.
  std::chrono::milliseconds linger{0};
  PublishLimits limits;

  // After it the group gives the partitions of a processor that died to others.
  std::chrono::milliseconds session_timeout{10'000};
  // When partitions are taken away, the time for their messages in work to be finished.
  std::chrono::milliseconds revoke_patience{2000};
  std::size_t prefetch = 65'536;  // messages received and not yet handed out
  std::uint64_t prefetch_bytes = std::uint64_t{32} << 20;  // of these, and as much in librdkafka
  std::size_t retries_max = 4096;  // no more is fetched while so many wait to be tried again

  [[nodiscard]] std::string dead_letter_topic() const { return topic + ".dlq"; }
};

}  // namespace millrace::queue
