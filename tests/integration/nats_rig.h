// Both ends of a JetStream queue on a stream of their own.
#pragma once

#include <memory>
#include <optional>

#include "conformance/conformance.h"
#include "fakes/executors.h"
#include "integration/test_server.h"
#include "queue/nats/nats_consumer.h"
#include "queue/nats/nats_dead_letters.h"
#include "queue/nats/nats_producer.h"

namespace millrace::integration {

inline queue::NatsOptions fresh_nats_options() {
  queue::NatsOptions options;
  options.urls = {required("MILLRACE_TEST_NATS")};
  const std::string name = unique_name("T");
  options.stream = name;
  options.subject = "t." + name;
  options.dead_letter_stream = name + "_DLQ";
  options.dead_letter_subject = "dlq." + name;
  options.max_age = std::chrono::hours(1);
  return options;
}

class NatsRig final : public conformance::Rig {
 public:
  explicit NatsRig(queue::NatsOptions options) : options_(std::move(options)) { begin(); }

  queue::Producer& producer() override { return *producer_; }
  queue::Consumer& consumer() override { return *consumer_; }
  queue::NatsDeadLetters& dead_letters() { return *dead_letters_; }
  const queue::NatsOptions& options() const { return options_; }

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
  const queue::NatsOptions options_;
  fakes::ThreadExecutor executor_;
  std::optional<queue::NatsDeadLetters> dead_letters_;
  std::optional<queue::NatsProducer> producer_;
  std::optional<queue::NatsConsumer> consumer_;
};

}  // namespace millrace::integration
