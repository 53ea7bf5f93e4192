// The process's signals, taken by one thread so that nothing runs in a handler.
#pragma once

#include <functional>
#include <thread>

namespace millrace::app {

// Blocks SIGTERM, SIGINT and SIGHUP for the calling thread and every thread it makes later; ignores
// SIGPIPE. Before the first thread is made.
void block_signals();

struct SignalActions {
  std::function<void(const char* name)> stop;  // the first SIGTERM or SIGINT
  std::function<void()> abort;                 // the second
  std::function<void()> reopen;                // SIGHUP
};

// Waits for signals until destroyed.
class SignalThread {
 public:
  explicit SignalThread(SignalActions actions);

 private:
  std::jthread thread_;
};

}  // namespace millrace::app
