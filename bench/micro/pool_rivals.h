// The worker pools people write: threads that take callables from a queue, behind a mutex and a
// condition variable, or moodycamel's blocking queue.
#pragma once

#include <algorithm>
#include <concurrentqueue/blockingconcurrentqueue.h>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace millrace::bench {

using Task = std::function<void()>;

// The destructor runs what is left, then joins.
class MutexPool {
 public:
  explicit MutexPool(std::size_t workers) {
    for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { run(); });
  }
  ~MutexPool() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }

  void submit(Task task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }
  void submit(std::span<Task> batch) {
    {
      const std::lock_guard lock(mutex_);
      std::move(batch.begin(), batch.end(), std::back_inserter(tasks_));
    }
    changed_.notify_all();
  }

 private:
  void run() {
    for (;;) {
      Task task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;  // last: they use the members above
};

class MoodycamelPool {
 public:
  explicit MoodycamelPool(std::size_t workers) : token_(tasks_) {
    for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { run(); });
  }
  // An empty task ends a worker.
  ~MoodycamelPool() {
    for (std::size_t i = 0; i < threads_.size(); ++i) tasks_.enqueue(token_, Task());
  }

  // Of one thread only: the token is its.
  void submit(Task task) { tasks_.enqueue(token_, std::move(task)); }
  void submit(std::span<Task> batch) {
    tasks_.enqueue_bulk(token_, std::make_move_iterator(batch.begin()), batch.size());
  }

 private:
  void run() {
    moodycamel::ConsumerToken token(tasks_);
    for (;;) {
      Task task;
      tasks_.wait_dequeue(token, task);
      if (!task) return;
      task();
    }
  }

  moodycamel::BlockingConcurrentQueue<Task> tasks_;
  moodycamel::ProducerToken token_;
  std::vector<std::jthread> threads_;
};

}  // namespace millrace::bench
