// The ring beside moodycamel::ConcurrentQueue and a mutex with a deque. Each iteration starts the
// threads, moves kMessages 8-byte messages through a queue of 1024 and joins them, so the rate is
// messages that really arrived, divided by wall time. Names: queue/producers/consumers/batch; 0/0
// is one thread that puts a batch in and takes it out again.
#include <algorithm>
#include <atomic>
#include <benchmark/benchmark.h>
#include <concurrentqueue/concurrentqueue.h>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/ring.h"

namespace millrace {
namespace {

using Value = std::uint64_t;
constexpr std::size_t kMessages = 1 << 20;
constexpr std::size_t kCapacity = 1024;

// Each adapter has put(batch) and take(out, max), which return how many messages moved.
class RingQueue {
 public:
  std::size_t put(std::span<Value> batch) { return ring_.try_enqueue(batch); }
  std::size_t take(std::vector<Value>& out, std::size_t max) { return ring_.try_dequeue(out, max); }

 private:
  Ring<Value> ring_{kCapacity};
};

// Not bounded by itself: a count keeps it at the same capacity.
class MoodycamelQueue {
 public:
  std::size_t put(std::span<Value> batch) {
    if (queue_.size_approx() + batch.size() > kCapacity) return 0;
    if (batch.size() == 1) return queue_.enqueue(batch[0]) ? 1 : 0;
    return queue_.enqueue_bulk(batch.data(), batch.size()) ? batch.size() : 0;
  }
  std::size_t take(std::vector<Value>& out, std::size_t max) {
    const std::size_t before = out.size();
    out.resize(before + max);
    const auto first = out.begin() + static_cast<std::ptrdiff_t>(before);
    const std::size_t got =
        max == 1 ? (queue_.try_dequeue(*first) ? 1 : 0) : queue_.try_dequeue_bulk(first, max);
    out.resize(before + got);
    return got;
  }

 private:
  moodycamel::ConcurrentQueue<Value> queue_{kCapacity};
};

class MutexQueue {
 public:
  std::size_t put(std::span<Value> batch) {
    const std::lock_guard lock(mutex_);
    const std::size_t count = std::min(batch.size(), kCapacity - queue_.size());
    for (const Value value : batch.first(count)) queue_.push_back(value);
    return count;
  }
  std::size_t take(std::vector<Value>& out, std::size_t max) {
    const std::lock_guard lock(mutex_);
    const std::size_t count = std::min(max, queue_.size());
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(queue_.front());
      queue_.pop_front();
    }
    return count;
  }

 private:
  std::mutex mutex_;
  std::deque<Value> queue_;
};

template <class Queue>
void produce(Queue& queue, std::size_t count, std::size_t batch_size) {
  std::vector<Value> batch(batch_size, 1);
  while (count > 0) {
    const std::size_t put = queue.put(std::span(batch).first(std::min(batch_size, count)));
    if (put == 0) std::this_thread::yield();
    count -= put;
  }
}

// Until all consumers together have everything.
template <class Queue>
void consume(Queue& queue, std::atomic<std::size_t>& taken, std::size_t batch_size) {
  std::vector<Value> out;
  out.reserve(batch_size);
  while (taken.load(std::memory_order_relaxed) < kMessages) {
    out.clear();
    std::size_t mine = 0;
    // Counted now and then: the shared count isn't what is measured.
    while (mine < 1024) {
      const std::size_t got = queue.take(out, batch_size);
      out.clear();
      mine += got;
      if (got == 0) break;
    }
    if (mine == 0) std::this_thread::yield();
    if (mine > 0) taken.fetch_add(mine, std::memory_order_relaxed);
  }
}

template <class Queue>
void through_one_thread(Queue& queue, std::size_t batch_size) {
  std::vector<Value> batch(batch_size, 1);
  std::vector<Value> out;
  out.reserve(batch_size);
  for (std::size_t moved = 0; moved < kMessages; moved += batch_size) {
    out.clear();
    if (queue.put(batch) != batch_size || queue.take(out, batch_size) != batch_size) std::abort();
  }
}

template <class Queue>
void through_threads(Queue& queue, std::size_t producers, std::size_t consumers,
                     std::size_t batch_size) {
  std::atomic<std::size_t> taken{0};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < consumers; ++i) {
    threads.emplace_back([&] { consume(queue, taken, batch_size); });
  }
  for (std::size_t i = 0; i < producers; ++i) {
    threads.emplace_back([&] { produce(queue, kMessages / producers, batch_size); });
  }
  threads.clear();
  if (taken.load() != kMessages) std::abort();
}

template <class Queue>
void move_messages(benchmark::State& state) {
  const auto producers = static_cast<std::size_t>(state.range(0));
  const auto consumers = static_cast<std::size_t>(state.range(1));
  const auto batch_size = static_cast<std::size_t>(state.range(2));
  for (auto _ : state) {
    Queue queue;
    if (producers == 0) {
      through_one_thread(queue, batch_size);
    } else {
      through_threads(queue, producers, consumers, batch_size);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kMessages));
}

void shapes(benchmark::internal::Benchmark* bench) {
  for (const int threads : {0, 1, 2}) {
    for (const int batch : {1, 8, 64, 256}) bench->Args({threads, threads, batch});
  }
  bench->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK_TEMPLATE(move_messages, RingQueue)->Apply(shapes);
BENCHMARK_TEMPLATE(move_messages, MoodycamelQueue)->Apply(shapes);
BENCHMARK_TEMPLATE(move_messages, MutexQueue)->Apply(shapes);

}  // namespace
}  // namespace millrace
