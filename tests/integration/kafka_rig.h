// Both ends of a Kafka queue on a topic and in a group of their own.
#pragma once

#include <memory>
#include <optional>

#include "conformance/conformance.h"
#include "fakes/executors.h"
#include "integration/test_server.h"
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

class KafkaRig final : public conformance::Rig {
 public:
  explicit KafkaRig(queue::KafkaOptions options) : options_(std::move(options)) { begin(); }

  queue::Producer& producer() override { return *producer_; }
  queue::Consumer& consumer() override { return *consumer_; }
  queue::KafkaDeadLetters& dead_letters() { return *dead_letters_; }
  const queue::KafkaOptions& options() const { return options_; }

  void restart() override {
    end();
    begin();
  }

  void begin() {
    dead_letters_.emplace(options_);
    producer_.emplace(options_, executor_);
    consumer_.emplace(options_, *dead_letters_);
    for (const Status& status : {dead_letters_->start(), producer_->start(), consumer_->start()}) {
      if (!status.ok()) throw std::runtime_error(status.text());
    }
    if (!eventually([this] { return health().ok(); })) {
      throw std::runtime_error("not ready: " + health().text());
    }
    // Joining the group takes a second; until then 1 is said to wait.
    static_cast<void>(eventually([this] { return consumer_->consumer_stats().waiting != 1; },
                                 std::chrono::seconds(3)));
  }
  void end() {
    consumer_.reset();
    producer_.reset();
    dead_letters_.reset();
  }

  Status health() const {
    for (const Status& status :
         {producer_->health(), consumer_->health(), dead_letters_->health()}) {
      if (!status.ok()) return status;
    }
    return {};
  }

 private:
  const queue::KafkaOptions options_;
  fakes::ThreadExecutor executor_;
  std::optional<queue::KafkaDeadLetters> dead_letters_;
  std::optional<queue::KafkaProducer> producer_;
  std::optional<queue::KafkaConsumer> consumer_;
};

}  // namespace millrace::integration
