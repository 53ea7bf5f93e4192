// Both ends of a broker's queue, and its dead letters.
#pragma once

#include <optional>
#include <stdexcept>

#include "conformance/conformance.h"
#include "fakes/executors.h"
#include "integration/test_server.h"

namespace millrace::integration {

template <class Options, class Producer, class Consumer, class DeadLetters>
class BrokerRig : public conformance::Rig {
 public:
  explicit BrokerRig(Options options) : options_(std::move(options)) { begin(); }

  queue::Producer& producer() override { return *producer_; }
  queue::Consumer& consumer() override { return *consumer_; }
  DeadLetters& dead_letters() { return *dead_letters_; }
  const Options& options() const { return options_; }

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
  const Options options_;
  fakes::ThreadExecutor executor_;
  std::optional<DeadLetters> dead_letters_;
  std::optional<Producer> producer_;
  std::optional<Consumer> consumer_;
};

}  // namespace millrace::integration
