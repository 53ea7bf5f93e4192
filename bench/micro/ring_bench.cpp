// The ring beside other people's queues: messages that really arrived, over wall time. "same
// thread" is one thread that puts a batch in and takes it out again; 1P1C, 2P2C, 4P4C are so many
// producers and consumers. A thread that finds the queue full or empty yields, whichever queue it
// is.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "contest.h"
#include "ring_queues.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kMessages = 1 << 19;

// 1, 2, 3, ... to each producer: the sum says whether all arrived, none twice.
constexpr Value sum_of(std::size_t count) { return count * (count + 1) / 2; }

// The clock runs from when all threads stand ready to when the last message was taken.
struct Race {
  std::atomic<std::size_t> not_ready;
  std::atomic<std::size_t> taken{0};
  std::atomic<Value> sum{0};
  std::atomic<Time::rep> end{0};

  void wait_for_all() {
    not_ready.fetch_sub(1);
    while (not_ready.load() > 0) std::this_thread::yield();
  }
  void took(std::size_t count) {
    if (taken.fetch_add(count) + count == kMessages) {
      end = std::chrono::steady_clock::now().time_since_epoch().count();
    }
  }
};

template <class Queue>
void produce(Queue& queue, Race& race, std::size_t count, std::size_t batch_size) {
  typename Queue::Producer producer(queue);
  std::vector<Value> batch(batch_size);
  race.wait_for_all();
  for (Value next = 1; next <= count;) {
    std::size_t put = 0;
    if (batch_size == 1) {
      put = producer.put(next) ? 1 : 0;
    } else {
      const std::size_t size = std::min<std::size_t>(batch_size, count + 1 - next);
      for (std::size_t i = 0; i < size; ++i) batch[i] = next + i;
      put = producer.put(std::span(batch).first(size));
    }
    if (put == 0) std::this_thread::yield();
    next += put;
  }
}

template <class Queue>
void consume(Queue& queue, Race& race, std::size_t batch_size) {
  constexpr std::size_t kTellAfter = 1024;  // so that the shared count isn't what is measured
  typename Queue::Consumer consumer(queue);
  std::vector<Value> out(batch_size);
  Value sum = 0;
  race.wait_for_all();
  while (race.taken.load(std::memory_order_relaxed) < kMessages) {
    std::size_t mine = 0;
    std::size_t got = 1;
    while (mine < kTellAfter && got > 0) {
      got = batch_size == 1 ? (consumer.take(out[0]) ? 1 : 0) : consumer.take(out);
      for (const Value value : std::span(out).first(got)) sum += value;
      mine += got;
    }
    if (mine > 0) race.took(mine);
    if (got == 0) std::this_thread::yield();
  }
  race.sum += sum;
}

template <class Queue>
void through_threads(benchmark::State& state, std::size_t pairs, std::size_t batch_size) {
  for (auto _ : state) {
    Queue queue;
    Race race{.not_ready = 2 * pairs + 1};
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < pairs; ++i) {
      threads.emplace_back([&] { consume(queue, race, batch_size); });
      threads.emplace_back([&] { produce(queue, race, kMessages / pairs, batch_size); });
    }
    race.wait_for_all();
    const Time begin = std::chrono::steady_clock::now();
    threads.clear();
    if (race.sum != pairs * sum_of(kMessages / pairs)) state.SkipWithError("messages are missing");
    const Duration took = Time(Duration(race.end)) - begin;
    state.SetIterationTime(std::chrono::duration<double>(took).count());
  }
  count_items(state, kMessages, "message");
}

template <class Queue>
void through_one_thread(benchmark::State& state, std::size_t batch_size) {
  Queue queue;
  typename Queue::Producer producer(queue);
  typename Queue::Consumer consumer(queue);
  std::vector<Value> batch(batch_size, 1);
  std::vector<Value> out(batch_size);
  for (auto _ : state) {
    const bool moved = batch_size == 1
                           ? producer.put(1) && consumer.take(out[0])
                           : producer.put(batch) == batch_size && consumer.take(out) == batch_size;
    if (!moved) state.SkipWithError("messages are missing");
  }
  count_items(state, batch_size, "message");
}

template <class Queue>
void enter(const std::string& name, std::size_t batch_size) {
  const std::string batch = ", batch " + std::to_string(batch_size);
  contest("same thread" + batch, name,
          [=](benchmark::State& state) { through_one_thread<Queue>(state, batch_size); });
  for (const std::size_t pairs : {1U, 2U, 4U}) {
    const std::string n = std::to_string(pairs);
    std::string subject = n;
    subject += "P" + n + "C" + batch;
    timed_contest(subject, name, [=](benchmark::State& state) {
      through_threads<Queue>(state, pairs, batch_size);
    });
  }
}

}  // namespace

void register_contests() {
  for (const std::size_t batch_size : {1U, 8U, 64U, 256U}) {
    enter<RingQueue>(kOurs, batch_size);
    enter<MoodycamelQueue>("moodycamel", batch_size);
#ifdef MILLRACE_BENCH_ATOMIC_QUEUE
    enter<AtomicQueue>("atomic_queue", batch_size);
#endif
#ifdef MILLRACE_BENCH_TBB
    enter<TbbQueue>("oneTBB", batch_size);
#endif
    enter<BoostQueue>("Boost.Lockfree", batch_size);
    enter<MutexQueue>("mutex and deque", batch_size);
  }
}

}  // namespace millrace::bench
