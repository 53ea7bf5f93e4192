// The books of a producer whose broker judges message by message: what is in flight against its
// bounds, a verdict for each message, and `done` once the last of its batch has come.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <span>
#include <vector>

#include "base/executor.h"
#include "base/thread_annotations.h"
#include "queue/producer.h"

namespace millrace::queue {

class PublishBooks;

// One publish() under way. Thread-safe.
class Publication {
 public:
  Publication(PublishBooks& books, std::size_t count, PublishDone done)
      : books_(books), done_(std::move(done)), verdicts_(count), left_(count) {}

  // The verdict on `count` messages from `index` on, once for each. The last one posts `done`.
  void judge(std::size_t index, Status verdict, std::size_t count = 1);

 private:
  friend class PublishBooks;

  PublishBooks& books_;
  PublishDone done_;
  std::vector<Status> verdicts_;
  std::atomic<std::size_t> left_;
  std::uint64_t bytes_ = 0;  // of those admitted
  std::size_t admitted_ = 0;
};

struct PublishLimits {
  std::uint64_t messages = 16'384;
  std::uint64_t bytes = std::uint64_t{64} << 20;
};

// Thread-safe. Outlives its publications; `done` callbacks are posted to the executor.
class PublishBooks {
 public:
  PublishBooks(PublishLimits limits, Executor& executor) : limits_(limits), executor_(executor) {}

  struct Opened {
    std::shared_ptr<Publication> publication;
    // So many messages, from the front of the batch, are to be sent and judged by the caller. The
    // rest are judged already: closed, or full.
    std::size_t admitted = 0;
  };
  Opened open(std::span<const Message> batch, PublishDone done);

  // From now on nothing is admitted.
  void close() { accepting_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool closed() const { return !accepting_.load(std::memory_order_relaxed); }

  // Waits until every `done` has returned.
  Status drain(Time deadline) EXCLUDES(mutex_);

  [[nodiscard]] ProducerStats stats() const EXCLUDES(mutex_);

 private:
  friend class Publication;

  [[nodiscard]] std::size_t admit(Publication& publication, std::span<const Message> batch)
      REQUIRES(mutex_);
  void finish(Publication& publication) EXCLUDES(mutex_);
  void returned(std::size_t count) EXCLUDES(mutex_);

  const PublishLimits limits_;
  Executor& executor_;
  std::atomic<bool> accepting_{true};

  mutable Mutex mutex_;
  std::condition_variable all_done_;
  ProducerStats stats_ GUARDED_BY(mutex_);
  std::uint64_t bytes_in_flight_ GUARDED_BY(mutex_) = 0;
  std::uint64_t admitted_in_flight_ GUARDED_BY(mutex_) = 0;
  std::uint64_t undone_ GUARDED_BY(mutex_) = 0;  // messages whose `done` hasn't returned yet
};

}  // namespace millrace::queue
