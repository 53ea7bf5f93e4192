// Executors for tests: one with a thread of its own, one turned by hand.
#pragma once

#include <condition_variable>
#include <deque>
#include <thread>

#include "base/executor.h"
#include "base/thread_annotations.h"

namespace millrace::fakes {

// Runs tasks on its one thread, in their order. The destructor runs what is left, then joins.
class ThreadExecutor final : public Executor {
 public:
  ThreadExecutor();
  ~ThreadExecutor() override;

  void post(UniqueFunction<void()> task) override EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);

  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<UniqueFunction<void()>> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the members above
};

// Keeps tasks until a test runs them, on the test's thread. Thread-safe.
class ManualExecutor final : public Executor {
 public:
  void post(UniqueFunction<void()> task) override EXCLUDES(mutex_);

  // The oldest task; false when there is none.
  bool run_one() EXCLUDES(mutex_);
  // Until there is none, those posted meanwhile included; how many.
  std::size_t run_all();

  [[nodiscard]] std::size_t size() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::deque<UniqueFunction<void()>> tasks_ GUARDED_BY(mutex_);
};

}  // namespace millrace::fakes
