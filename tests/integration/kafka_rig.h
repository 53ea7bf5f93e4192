// Both ends of a Kafka queue on a topic and in a group of their own.
#pragma once

#include "integration/broker_rig.h"
#include "queue/kafka/kafka_consumer.h"
#include "queue/kafka/kafka_dead_letters.h"
#include "queue/kafka/kafka_producer.h"

namespace millrace::integration {

inline queue::KafkaOptions fresh_kafka_options() {
  queue::KafkaOptions options;
  options.brokers = required("MILLRACE_TEST_KAFKA");
  options.topic = unique_name("t");
  options.group = options.topic + "-group";
  options.partitions = 2;
  options.session_timeout = std::chrono::milliseconds(6000);  // the least that brokers allow
  return options;
}

class KafkaRig final : public BrokerRig<queue::KafkaOptions, queue::KafkaProducer,
                                        queue::KafkaConsumer, queue::KafkaDeadLetters> {
 public:
  explicit KafkaRig(queue::KafkaOptions options) : BrokerRig(std::move(options)) { await_group(); }

  void restart() override {
    BrokerRig::restart();
    await_group();
  }

 private:
  // Joining the group takes a second; until then 1 is said to wait.
  void await_group() {
    static_cast<void>(eventually([this] { return consumer().consumer_stats().waiting != 1; },
                                 std::chrono::seconds(3)));
  }
};

}  // namespace millrace::integration
