// The last resort against what can't be interrupted: a file system, a name server, a destructor
// that waits for either. Once armed, the process is gone at that time, whatever hangs.
#pragma once

#include <condition_variable>
#include <thread>

#include "base/clock.h"
#include "base/thread_annotations.h"

namespace millrace::app {

// Thread-safe. Ends its watch when destroyed.
class ExitGuard {
 public:
  ExitGuard();
  ~ExitGuard();

  // Ends the process with `code` at `at`, by _Exit; replaces what was armed before.
  void arm(Time at, int code);

 private:
  void watch();

  Mutex mutex_;
  std::condition_variable changed_;
  Time at_ GUARDED_BY(mutex_) = Time::max();
  int code_ GUARDED_BY(mutex_) = 0;
  bool over_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the members above
};

}  // namespace millrace::app
