// Messages per second of wall time through the memory queue and the pool, with a handler that does
// nothing and a sink that counts: what the pipeline itself costs.
#include <benchmark/benchmark.h>
#include <deque>
#include <mutex>

#include "base/uuid.h"
#include "queue/memory/memory_queue.h"
#include "sink/none_sink.h"
#include "worker/pool.h"

namespace millrace {
namespace {

constexpr std::size_t kMessages = 200'000;
constexpr std::size_t kPublishBatch = 64;

class NoopHandler final : public worker::Handler {
 public:
  worker::Outcome handle(const diplom::v1::DataMessage& /*message*/,
                         const worker::Context& /*context*/) override {
    return worker::Done{};
  }
};

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

// Keeps the publish verdicts until it goes: nobody here waits for them.
class KeepingExecutor final : public Executor {
 public:
  void post(UniqueFunction<void()> task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }

 private:
  std::mutex mutex_;
  std::deque<UniqueFunction<void()>> tasks_;
};

const std::vector<Message>& messages() {
  static const std::vector<Message> made = [] {
    std::vector<Message> out;
    for (std::size_t i = 0; i < kMessages; ++i) {
      out.push_back(Message::encode({.id = Uuid::v7().text(),
                                     .timestamp = system_clock().unix_seconds(),
                                     .source = "bench",
                                     .payload = std::string(120, 'x'),
                                     .metadata = {}}));
    }
    return out;
  }();
  return made;
}

struct Pipeline {
  explicit Pipeline(std::size_t workers)
      : queue(kMessages, executor),
        pool({.workers = workers}, queue, handler, sink, dead_letters,
             worker::register_pool_metrics(registry)) {}

  void publish(std::vector<Message> all) {
    std::vector<Message> batch;
    for (auto& message : all) {
      batch.push_back(std::move(message));
      if (batch.size() == kPublishBatch) queue.publish(std::exchange(batch, {}), Time::max(), done);
    }
    if (!batch.empty()) queue.publish(std::move(batch), Time::max(), done);
  }

  static void done(std::vector<Status> /*verdicts*/) {}

  KeepingExecutor executor;
  queue::MemoryQueue queue;
  NoopHandler handler;
  sink::NoneSink sink;
  NoDeadLetters dead_letters;
  observe::Registry registry;
  worker::Pool pool;
};

template <class Timed>
void run(benchmark::State& state, Timed timed) {
  for (auto _ : state) {
    Pipeline pipeline(static_cast<std::size_t>(state.range(0)));
    std::vector<Message> all = messages();
    const double seconds = timed(pipeline, std::move(all));
    if (pipeline.sink.results() != kMessages) state.SkipWithError("messages are missing");
    state.SetIterationTime(seconds);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kMessages));
}

double seconds_since(Time begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The queue is full before the clock starts: the workers alone.
void pool_works_off_full_queue(benchmark::State& state) {
  run(state, [](Pipeline& pipeline, std::vector<Message> all) {
    pipeline.publish(std::move(all));
    pipeline.queue.stop_accepting();
    const Time begin = std::chrono::steady_clock::now();
    const bool ok = pipeline.pool.start().ok() && pipeline.pool.drain(Time::max()).ok();
    return ok ? seconds_since(begin) : 0.0;
  });
}

// One thread publishes, in batches of 64, while the workers work.
void pool_keeps_up_with_publisher(benchmark::State& state) {
  run(state, [](Pipeline& pipeline, std::vector<Message> all) {
    const bool started = pipeline.pool.start().ok();
    const Time begin = std::chrono::steady_clock::now();
    pipeline.publish(std::move(all));
    pipeline.queue.stop_accepting();
    const bool ok = started && pipeline.pool.drain(Time::max()).ok();
    return ok ? seconds_since(begin) : 0.0;
  });
}

BENCHMARK(pool_works_off_full_queue)
    ->UseManualTime()
    ->ArgName("workers")
    ->RangeMultiplier(2)
    ->Range(1, 8);
BENCHMARK(pool_keeps_up_with_publisher)
    ->UseManualTime()
    ->ArgName("workers")
    ->RangeMultiplier(2)
    ->Range(1, 8);

}  // namespace
}  // namespace millrace
