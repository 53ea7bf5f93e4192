// What the tests of the pool share: a pool between a fake queue and a sink that can be corked.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "fakes/corked_sink.h"
#include "fakes/fake_consumer.h"
#include "fakes/kept_dead_letters.h"
#include "fakes/messages.h"
#include "worker/pool.h"

namespace millrace::worker::testing {

using fakes::FakeConsumer;
using fakes::make_message;
using fakes::make_messages;
using fakes::within;
using Kind = FakeConsumer::Kind;

// A handler made of a function.
class FunctionHandler final : public Handler {
 public:
  using Function = std::function<Outcome(const diplom::v1::DataMessage&, const Context&)>;
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}
  Outcome handle(const diplom::v1::DataMessage& message, const Context& context) override {
    return function_(message, context);
  }

 private:
  const Function function_;
};

// Opens once. Thread-safe.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, within(), [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// Short waits where the pool waits; one worker unless a test wants more.
inline PoolOptions quick_options() {
  PoolOptions options;
  options.workers = 1;
  options.backoff = {std::chrono::milliseconds(100), std::chrono::seconds(10)};
  options.write_retry = {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
  return options;
}

struct Fixture {
  explicit Fixture(FunctionHandler::Function function, PoolOptions options = quick_options())
      : handler(std::move(function)) {
    pool.emplace(options, consumer, handler, sink, dead_letters, register_pool_metrics(registry));
  }

  void start() { start_ok = pool->start().ok(); }

  // Ends as a healthy service does.
  Status close_and_drain() {
    consumer.stop_accepting();
    pool->stop_accepting();
    return pool->drain(within());
  }

  observe::Registry registry;
  FakeConsumer consumer;
  fakes::CorkedSink sink;
  fakes::KeptDeadLetters dead_letters;
  FunctionHandler handler;
  bool start_ok = false;
  std::optional<Pool> pool;  // last: it borrows the others
};

inline Outcome succeed(const diplom::v1::DataMessage& message, const Context&) {
  return Done{message.payload()};
}

}  // namespace millrace::worker::testing
