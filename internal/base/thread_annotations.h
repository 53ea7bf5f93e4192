// Clang's thread-safety attributes, checked by the `clang` preset with -Wthread-safety.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define MILLRACE_ATTRIBUTE(x) __attribute__((x))
#else
#define MILLRACE_ATTRIBUTE(x)
#endif

#define GUARDED_BY(x) MILLRACE_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) MILLRACE_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) MILLRACE_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace millrace {

// std::mutex, visible to the analysis.
class MILLRACE_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() MILLRACE_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() MILLRACE_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

class MILLRACE_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MILLRACE_ATTRIBUTE(acquire_capability(mutex))
      : lock_(mutex.mutex_) {}
  ~MutexLock() MILLRACE_ATTRIBUTE(release_capability()) = default;

  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void wait(std::condition_variable& condition) { condition.wait(lock_); }

  // False when `deadline` passed without a notification.
  template <class TimePoint>
  bool wait_until(std::condition_variable& condition, TimePoint deadline) {
    return condition.wait_until(lock_, deadline) == std::cv_status::no_timeout;
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace millrace
