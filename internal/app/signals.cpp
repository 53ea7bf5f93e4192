#include "app/signals.h"

#include <csignal>
#include <ctime>

namespace millrace::app {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

// How soon the thread sees that it should end; nobody waits for it but the end of the process.
constexpr timespec kPoll{0, 50'000'000};

}  // namespace

void block_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

SignalThread::SignalThread(SignalActions actions)
    : thread_([actions = std::move(actions)](const std::stop_token& stop) {
        const sigset_t set = handled_signals();
        bool stopping = false;
        while (!stop.stop_requested()) {
          const int signal = sigtimedwait(&set, nullptr, &kPoll);
          if (signal == SIGHUP) actions.reopen();
          if (signal != SIGTERM && signal != SIGINT) continue;
          if (stopping) actions.abort();
          if (!stopping) actions.stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
          stopping = true;
        }
      }) {}

}  // namespace millrace::app
