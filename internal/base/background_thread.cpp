#include "base/background_thread.h"

#include <utility>

namespace millrace {

BackgroundThread::BackgroundThread(std::size_t waiting_max)
    : waiting_max_(waiting_max), thread_([this] { run(); }) {}

BackgroundThread::~BackgroundThread() {
  {
    const MutexLock lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

bool BackgroundThread::post(UniqueFunction<void()> task) {
  const MutexLock lock(mutex_);
  if (tasks_.size() == waiting_max_) return false;
  tasks_.push_back(std::move(task));
  changed_.notify_one();
  return true;
}

void BackgroundThread::run() {
  for (;;) {
    UniqueFunction<void()> task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty() && !over_) lock.wait(changed_);
      if (over_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace millrace
