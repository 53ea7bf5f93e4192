// The ring and its rivals behind one face: a queue of about kCapacity 8-byte values, with a
// Producer and a Consumer for each thread. Each library is used as its own documents say is fast.
#pragma once

#include <algorithm>
#include <boost/lockfree/queue.hpp>
#include <concurrentqueue/concurrentqueue.h>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>

#include "base/ring.h"

#ifdef MILLRACE_BENCH_ATOMIC_QUEUE
#include <atomic_queue/atomic_queue.h>
#endif
#ifdef MILLRACE_BENCH_TBB
#include <tbb/concurrent_queue.h>
#endif

namespace millrace::bench {

using Value = std::uint64_t;  // never 0, which atomic_queue keeps for "empty"
inline constexpr std::size_t kCapacity = 1024;

class RingQueue {
 public:
  struct Producer {
    explicit Producer(RingQueue& queue) : ring(queue.ring_) {}
    bool put(Value value) { return ring.try_enqueue(std::move(value)); }
    std::size_t put(std::span<Value> batch) { return ring.try_enqueue(batch); }
    Ring<Value>& ring;
  };
  struct Consumer {
    explicit Consumer(RingQueue& queue) : ring(queue.ring_) {}
    bool take(Value& out) {
      return ring.try_dequeue_one([&](Value&& value) noexcept { out = value; });
    }
    std::size_t take(std::span<Value> out) {
      auto next = out.begin();
      return ring.try_dequeue_each(out.size(), [&](Value&& value) noexcept { *next++ = value; });
    }
    Ring<Value>& ring;
  };

 private:
  Ring<Value> ring_{kCapacity};
};

// With tokens. It has no bound: each producer looks at the size now and then and stops at about
// kCapacity, because otherwise what is measured is fresh memory. (Its try_enqueue, which is said
// not to allocate, came to a standstill with two producers.)
class MoodycamelQueue {
  using Inner = moodycamel::ConcurrentQueue<Value>;

 public:
  struct Producer {
    explicit Producer(MoodycamelQueue& self) : inner(self.inner_), token(inner) {}
    bool put(Value value) { return has_room(1) && inner.enqueue(token, value); }
    std::size_t put(std::span<Value> batch) {
      if (!has_room(batch.size())) return 0;
      return inner.enqueue_bulk(token, batch.data(), batch.size()) ? batch.size() : 0;
    }
    bool has_room(std::size_t count) {
      constexpr std::size_t kLookAfter = 64;
      unchecked += count;
      if (unchecked < kLookAfter) return true;
      if (inner.size_approx() >= kCapacity) return false;
      unchecked = 0;
      return true;
    }
    Inner& inner;
    moodycamel::ProducerToken token;
    std::size_t unchecked = 0;
  };
  struct Consumer {
    explicit Consumer(MoodycamelQueue& self) : inner(self.inner_), token(inner) {}
    bool take(Value& out) { return inner.try_dequeue(token, out); }
    std::size_t take(std::span<Value> out) {
      return inner.try_dequeue_bulk(token, out.data(), out.size());
    }
    Inner& inner;
    moodycamel::ConsumerToken token;
  };

 private:
  Inner inner_{kCapacity};
};

// What has no batches takes a batch value by value.
template <class Self>
class OneByOne {
 public:
  struct Producer {
    explicit Producer(Self& self) : queue(self) {}
    bool put(Value value) { return queue.put(value); }
    std::size_t put(std::span<Value> batch) {
      std::size_t count = 0;
      while (count < batch.size() && queue.put(batch[count])) ++count;
      return count;
    }
    Self& queue;
  };
  struct Consumer {
    explicit Consumer(Self& self) : queue(self) {}
    bool take(Value& out) { return queue.take(out); }
    std::size_t take(std::span<Value> out) {
      std::size_t count = 0;
      while (count < out.size() && queue.take(out[count])) ++count;
      return count;
    }
    Self& queue;
  };
};

#ifdef MILLRACE_BENCH_ATOMIC_QUEUE
class AtomicQueue : public OneByOne<AtomicQueue> {
 public:
  bool put(Value value) { return inner_.try_push(value); }
  bool take(Value& out) { return inner_.try_pop(out); }

 private:
  atomic_queue::AtomicQueue<Value, kCapacity> inner_;
};
#endif

#ifdef MILLRACE_BENCH_TBB
class TbbQueue : public OneByOne<TbbQueue> {
 public:
  TbbQueue() { inner_.set_capacity(kCapacity); }
  bool put(Value value) { return inner_.try_push(value); }
  bool take(Value& out) { return inner_.try_pop(out); }

 private:
  tbb::concurrent_bounded_queue<Value> inner_;
};
#endif

class BoostQueue : public OneByOne<BoostQueue> {
 public:
  bool put(Value value) { return inner_.bounded_push(value); }
  bool take(Value& out) { return inner_.pop(out); }

 private:
  boost::lockfree::queue<Value, boost::lockfree::capacity<kCapacity>> inner_;
};

// One lock for a whole batch.
class MutexQueue {
 public:
  struct Producer {
    explicit Producer(MutexQueue& self) : queue(self) {}
    bool put(Value value) { return put(std::span(&value, 1)) == 1; }
    std::size_t put(std::span<Value> batch) {
      const std::lock_guard lock(queue.mutex_);
      const std::size_t count = std::min(batch.size(), kCapacity - queue.values_.size());
      for (const Value value : batch.first(count)) queue.values_.push_back(value);
      return count;
    }
    MutexQueue& queue;
  };
  struct Consumer {
    explicit Consumer(MutexQueue& self) : queue(self) {}
    bool take(Value& out) { return take(std::span(&out, 1)) == 1; }
    std::size_t take(std::span<Value> out) {
      const std::lock_guard lock(queue.mutex_);
      const std::size_t count = std::min(out.size(), queue.values_.size());
      for (Value& value : out.first(count)) {
        value = queue.values_.front();
        queue.values_.pop_front();
      }
      return count;
    }
    MutexQueue& queue;
  };

 private:
  std::mutex mutex_;
  std::deque<Value> values_;
};

}  // namespace millrace::bench
