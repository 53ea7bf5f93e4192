// From the first submit to the end of the last task, one thread submitting. Our pool works off
// messages: each is encoded before the clock runs, parsed by a worker, handled, answered with a
// result and acked; a rival's task is an empty std::function.
#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "contest.h"
#include "pipeline.h"
#include "pool_rivals.h"
#include "work.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBatch = 64;

struct Load {
  std::size_t workers;
  std::size_t batch;
  std::size_t tasks;
  std::uint64_t rounds;  // of compute() in a task
};

// Into batches of `size`.
template <class T>
std::vector<std::vector<T>> cut(std::vector<T> all, std::size_t size) {
  std::vector<std::vector<T>> batches;
  for (std::size_t i = 0; i < all.size(); i += size) {
    const auto begin = std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(i));
    const std::size_t count = std::min(size, all.size() - i);
    batches.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  return batches;
}

void ours(benchmark::State& state, const Load& load) {
  const std::vector<Message> messages = make_messages(load.tasks, 0);
  TaskHandler handler([rounds = load.rounds] { compute(rounds); });
  for (auto _ : state) {
    Pipeline pipeline(load.workers, load.tasks, handler);
    auto batches = cut(messages, load.batch);
    if (!pipeline.pool.start().ok()) return state.SkipWithError("no threads");
    const auto begin = std::chrono::steady_clock::now();
    for (auto& batch : batches) pipeline.publish(std::move(batch));
    const bool finished = pipeline.finish();
    state.SetIterationTime(seconds_since(begin));
    if (!finished || pipeline.sink.results() != load.tasks) {
      return state.SkipWithError("messages are missing");
    }
  }
  count_items(state, load.tasks, "task");
}

template <class Pool>
void rival(benchmark::State& state, const Load& load) {
  for (auto _ : state) {
    std::atomic<std::size_t> done{0};
    const Task task = [&done, rounds = load.rounds] {
      compute(rounds);
      done.fetch_add(1, std::memory_order_relaxed);
    };
    auto batches = cut(std::vector<Task>(load.tasks, task), load.batch);
    std::chrono::steady_clock::time_point begin;
    {
      Pool pool(load.workers);
      begin = std::chrono::steady_clock::now();
      for (auto& batch : batches) {
        if (load.batch == 1) {
          pool.submit(std::move(batch.front()));
        } else {
          pool.submit(std::span(batch));
        }
      }
    }
    state.SetIterationTime(seconds_since(begin));
    if (done != load.tasks) return state.SkipWithError("tasks are missing");
  }
  count_items(state, load.tasks, "task");
}

}  // namespace

void register_contests() {
  for (const std::size_t workers : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) {
    for (const std::size_t batch : {kBatch, std::size_t{1}}) {
      for (const bool empty : {true, false}) {
        const Load load{workers, batch, empty ? 100'000U : 20'000U, empty ? 0 : rounds_per_us()};
        const std::string subject = std::to_string(workers) + " workers, " +
                                    (batch == 1 ? "single" : "batch") + " submit, " +
                                    (empty ? "empty" : "1 us") + " task";
        timed_contest(subject, kOurs, [=](auto& state) { ours(state, load); });
        timed_contest(subject, "mutex and condvar",
                      [=](auto& state) { rival<MutexPool>(state, load); });
        timed_contest(subject, "moodycamel blocking",
                      [=](auto& state) { rival<MoodycamelPool>(state, load); });
      }
    }
  }
}

}  // namespace millrace::bench
