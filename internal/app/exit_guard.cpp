#include "app/exit_guard.h"

#include <cstdlib>

#include "observe/log.h"

namespace millrace::app {

ExitGuard::ExitGuard() : thread_([this] { watch(); }) {}

ExitGuard::~ExitGuard() {
  {
    const MutexLock lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void ExitGuard::arm(Time at, int code) {
  const MutexLock lock(mutex_);
  at_ = at;
  code_ = code;
  changed_.notify_all();
}

void ExitGuard::watch() {
  MutexLock lock(mutex_);
  while (!over_) {
    if (at_ == Time::max()) {
      lock.wait(changed_);
      continue;
    }
    if (std::chrono::steady_clock::now() < at_) {
      static_cast<void>(lock.wait_until(changed_, at_));
      continue;
    }
    observe::error("left by force", {{"why", "something hangs beyond the shutdown's deadline"}});
    std::_Exit(code_);
  }
}

}  // namespace millrace::app
