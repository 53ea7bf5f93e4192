// Our memory queue and pool with nothing around them: publishing needs no network, verdicts go
// nowhere, results are counted.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "queue/memory/memory_queue.h"
#include "sink/none_sink.h"
#include "worker/pool.h"

namespace millrace::bench {

class NoDeadLetters final : public queue::DeadLetters {
 public:
  Status write(std::span<const queue::DeadLetter> /*letters*/) override {
    return {Code::internal, "the benchmark rejects nothing"};
  }
  Result<queue::DeadLetterPage> list(std::string_view, std::size_t) override {
    return queue::DeadLetterPage();
  }
  Status mark_replayed(std::span<const std::string>) override { return {}; }
};

// The rivals tell nobody what became of a task, so neither do we: the verdicts of publishing are
// made and thrown away.
class ForgettingExecutor final : public Executor {
 public:
  void post(UniqueFunction<void()> /*task*/) override {}
};

// A handler made of a function object, called with nothing.
template <class Task>
class TaskHandler final : public worker::Handler {
 public:
  explicit TaskHandler(Task task) : task_(std::move(task)) {}
  worker::Outcome handle(const diplom::v1::DataMessage& /*message*/,
                         const worker::Context& /*context*/) override {
    task_();
    return worker::Done{};
  }

 private:
  Task task_;
};

inline std::vector<Message> make_messages(std::size_t count, std::size_t payload_bytes) {
  std::vector<Message> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(Message::encode({.id = Uuid::v7().text(),
                                   .timestamp = system_clock().unix_seconds(),
                                   .source = "bench",
                                   .payload = std::string(payload_bytes, 'x'),
                                   .metadata = {}}));
  }
  return out;
}

struct Pipeline {
  Pipeline(std::size_t workers, std::size_t capacity, worker::Handler& handler)
      : queue(capacity, executor),
        pool({.workers = workers}, queue, handler, sink, dead_letters,
             worker::register_pool_metrics(registry)) {}

  void publish(std::vector<Message> batch) {
    queue.publish(std::move(batch), Time::max(), [](std::vector<Status> /*verdicts*/) {});
  }
  // Until all is worked off. False: it isn't.
  bool finish() {
    queue.stop_accepting();
    return pool.drain(Time::max()).ok();
  }

  ForgettingExecutor executor;
  queue::MemoryQueue queue;
  sink::NoneSink sink;
  NoDeadLetters dead_letters;
  observe::Registry registry;
  worker::Pool pool;
};

}  // namespace millrace::bench
