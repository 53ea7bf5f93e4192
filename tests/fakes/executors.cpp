#include "fakes/executors.h"

#include <utility>

namespace millrace::fakes {

ThreadExecutor::ThreadExecutor() : thread_([this] { run(); }) {}

ThreadExecutor::~ThreadExecutor() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ThreadExecutor::post(UniqueFunction<void()> task) {
  {
    const MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void ThreadExecutor::run() {
  for (;;) {
    UniqueFunction<void()> task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty() && !stopping_) lock.wait(changed_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

void ManualExecutor::post(UniqueFunction<void()> task) {
  const MutexLock lock(mutex_);
  tasks_.push_back(std::move(task));
}

bool ManualExecutor::run_one() {
  UniqueFunction<void()> task;
  {
    const MutexLock lock(mutex_);
    if (tasks_.empty()) return false;
    task = std::move(tasks_.front());
    tasks_.pop_front();
  }
  task();
  return true;
}

std::size_t ManualExecutor::run_all() {
  std::size_t count = 0;
  while (run_one()) ++count;
  return count;
}

std::size_t ManualExecutor::size() const {
  const MutexLock lock(mutex_);
  return tasks_.size();
}

}  // namespace millrace::fakes
