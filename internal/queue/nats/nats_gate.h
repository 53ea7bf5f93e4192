// Where the library's callbacks come in. The library may be inside one, or about to call it, when
// its handle is destroyed, and says nothing about when that is over. So a callback gets a gate,
// which lives as long as the process; the owner behind it shuts it and is safe from then on.
#pragma once

#include <condition_variable>
#include <deque>

#include "base/thread_annotations.h"

namespace millrace::queue {

template <class Owner>
class NatsGate {
 public:
  // For the library, as a callback's closure.
  static NatsGate& open(Owner& owner) {
    static Mutex mutex;
    static std::deque<NatsGate> gates;  // a handful in a process: they are never freed
    const MutexLock lock(mutex);
    return gates.emplace_back(owner);
  }

  explicit NatsGate(Owner& owner) : owner_(&owner) {}

  // Calls `use(owner)`, unless the gate is shut.
  template <class Use>
  void pass(Use&& use) EXCLUDES(mutex_) {
    Owner* owner = nullptr;
    {
      const MutexLock lock(mutex_);
      if (owner_ == nullptr) return;
      owner = owner_;
      ++inside_;
    }
    use(*owner);
    const MutexLock lock(mutex_);
    if (--inside_ == 0) left_.notify_all();
  }

  // Nobody gets in any more, and whoever was inside has left.
  void shut() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    owner_ = nullptr;
    while (inside_ > 0) lock.wait(left_);
  }

 private:
  Mutex mutex_;
  std::condition_variable left_;
  Owner* owner_ GUARDED_BY(mutex_);
  int inside_ GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::queue
