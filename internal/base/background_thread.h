// A thread for work that blocks, so that those who may not block can ask for it. Bounded.
#pragma once

#include <condition_variable>
#include <deque>
#include <thread>

#include "base/thread_annotations.h"
#include "base/unique_function.h"

namespace millrace {

// Thread-safe. When destroyed, it finishes the task it is in and drops those that wait.
class BackgroundThread {
 public:
  explicit BackgroundThread(std::size_t waiting_max);
  ~BackgroundThread();

  // Runs `task` later, one after the other. False, and `task` is dropped: too many wait already.
  [[nodiscard]] bool post(UniqueFunction<void()> task) EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);

  const std::size_t waiting_max_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<UniqueFunction<void()>> tasks_ GUARDED_BY(mutex_);
  bool over_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the members above
};

}  // namespace millrace
