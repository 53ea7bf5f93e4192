// Many threads on one ring: every value arrives once, in each producer's order, and none leaks.
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>

#include "base/ring.h"

namespace millrace {
namespace {

// On the heap, so that a value lost, doubled or destroyed twice is the sanitizers' business too.
struct Value {
  int producer = 0;
  int number = 0;
};
using Owned = std::unique_ptr<Value>;

struct Shape {
  int producers;
  int consumers;
  std::size_t capacity;
  std::size_t batch;
};

constexpr int kPerProducer = 20'000;

void produce(Ring<Owned>& ring, int producer, std::size_t batch_size) {
  std::vector<Owned> batch;
  for (int next = 0; next < kPerProducer;) {
    batch.clear();
    for (; batch.size() < batch_size && next < kPerProducer; ++next) {
      batch.push_back(std::make_unique<Value>(Value{producer, next}));
    }
    std::span<Owned> left(batch);
    while (!left.empty()) {
      const std::size_t done = ring.try_enqueue(left);
      if (done == 0) std::this_thread::yield();
      left = left.subspan(done);
    }
  }
}

void consume(Ring<Owned>& ring, std::atomic<int>& missing, std::size_t batch_size,
             std::vector<Owned>& out) {
  while (missing.load() > 0) {
    // Both ways: the first asks for no more than there is, the second for more than there can be.
    const std::size_t got = batch_size <= ring.capacity()
                                ? ring.try_dequeue(out, batch_size)
                                : ring.try_dequeue_each(batch_size, [&](Owned&& value) {
                                    out.push_back(std::move(value));
                                  });
    if (got == 0) std::this_thread::yield();
    missing.fetch_sub(static_cast<int>(got));
  }
}

void run(const Shape& shape) {
  Ring<Owned> ring(shape.capacity);
  const auto consumers = static_cast<std::size_t>(shape.consumers);
  std::vector<std::vector<Owned>> taken(consumers);
  std::atomic<int> missing{shape.producers * kPerProducer};
  {
    std::vector<std::jthread> threads;
    for (std::size_t c = 0; c < consumers; ++c) {
      threads.emplace_back([&, c] { consume(ring, missing, shape.batch, taken[c]); });
    }
    for (int p = 0; p < shape.producers; ++p) {
      threads.emplace_back([&, p] { produce(ring, p, shape.batch); });
    }
  }
  CHECK(ring.empty());
  CHECK(missing.load() == 0);

  const auto producers = static_cast<std::size_t>(shape.producers);
  std::vector<std::vector<int>> times(producers, std::vector<int>(kPerProducer, 0));
  bool ordered = true;
  for (const auto& values : taken) {
    std::vector<int> last(producers, -1);
    for (const Owned& value : values) {
      const auto producer = static_cast<std::size_t>(value->producer);
      ++times[producer][static_cast<std::size_t>(value->number)];
      ordered = ordered && value->number > last[producer];
      last[producer] = value->number;
    }
  }
  CHECK(ordered);
  const std::vector<int> once(kPerProducer, 1);
  for (const auto& seen : times) CHECK(seen == once);
}

TEST_CASE("one producer, one consumer") {
  run({.producers = 1, .consumers = 1, .capacity = 64, .batch = 1});
  run({.producers = 1, .consumers = 1, .capacity = 64, .batch = 16});
}

TEST_CASE("several producers and consumers, one value at a time") {
  run({.producers = 3, .consumers = 3, .capacity = 128, .batch = 1});
}

TEST_CASE("several producers and consumers, in batches") {
  run({.producers = 3, .consumers = 3, .capacity = 128, .batch = 48});
}

TEST_CASE("the smallest ring, always full or empty") {
  run({.producers = 2, .consumers = 2, .capacity = 1, .batch = 1});
  run({.producers = 2, .consumers = 2, .capacity = 1, .batch = 5});
  run({.producers = 2, .consumers = 2, .capacity = 4, .batch = 64});
}

}  // namespace
}  // namespace millrace
