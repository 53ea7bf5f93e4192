#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <malloc.h>
#include <sched.h>
#include <stop_token>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "app/exit_guard.h"
#include "app/healthcheck.h"
#include "app/service.h"
#include "app/signals.h"
#include "base/thread_annotations.h"
#include "observe/log.h"

namespace millrace::app {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
// How long after the shutdown's deadline, or after the drain, something may hold up the end.
constexpr std::chrono::seconds kHangMax{2};

void print_help(const ServiceDescription& about) {
  std::printf(
      "%s %s\n%s\n\n"
      "Usage: %s [--help | --version | --check-config | --healthcheck]\n\n"
      "  --help          this page\n"
      "  --version       name and version\n"
      "  --check-config  check the settings, print the effective ones, exit 0 or 2\n"
      "  --healthcheck   ask the running service for its health; exit 0 when it is healthy or "
      "warns,\n"
      "                  1 when it is unhealthy or doesn't answer, 2 for bad settings\n\n"
      "SIGTERM or SIGINT drains and exits 0; a second one aborts. SIGHUP reopens output files.\n\n"
      "%s",
      about.name, MILLRACE_VERSION, about.sentence, about.name,
      config::help(about.service).c_str());
}

int complain(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return kExitUsage;
}

// Connections are descriptors; the soft limit is usually far below what the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A thread of ours that is woken doesn't interrupt whoever is running, who may be about to give it
// more: on busy cores it then finds a batch instead of a message. An idle core takes it at once.
void prefer_batches() {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH, &none);
}

// Batches are allocated and freed all the time. By default glibc gives their pages back each time,
// and the next batch faults them in again: a tenth of all the time under load. Without effect where
// mimalloc takes its place.
void keep_pages() {
  ::mallopt(M_TOP_PAD, 4 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
  // To set either ends glibc's own raising of this one, and a batch is larger than what it begins
  // with.
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

// The moment at which the first signal came, and its name.
class StopRequest {
 public:
  void request(const char* signal) {
    const MutexLock lock(mutex_);
    signal_ = signal;
    changed_.notify_all();
  }
  const char* wait() {
    MutexLock lock(mutex_);
    while (signal_ == nullptr) lock.wait(changed_);
    return signal_;
  }

 private:
  Mutex mutex_;
  std::condition_variable changed_;
  const char* signal_ GUARDED_BY(mutex_) = nullptr;
};

// Opens the files anew on a thread of its own: a file system that hangs may not make the service
// deaf to signals.
class Reopener {
 public:
  explicit Reopener(ServiceApp& service)
      : thread_([this, &service](const std::stop_token& stop) { run(service, stop); }) {}

  // Again, when it is just being done: the files may have been taken away since.
  void request() {
    const MutexLock lock(mutex_);
    requested_ = true;
    changed_.notify_all();
  }

 private:
  void run(ServiceApp& service, const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [this] { request(); });
    while (true) {
      {
        MutexLock lock(mutex_);
        while (!requested_) lock.wait(changed_);
        requested_ = false;
      }
      if (stop.stop_requested()) return;
      observe::info("reopening files", {{"signal", "SIGHUP"}});
      service.reopen();
    }
  }

  Mutex mutex_;
  std::condition_variable changed_;
  bool requested_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;  // last: it uses the members above
};

int live(ServiceApp& service, const config::Settings& settings, ExitGuard& guard, Time began) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  using Steady = std::chrono::steady_clock;
  StopRequest stop;
  Reopener reopener(service);
  const SignalThread signals({
      [&stop](const char* name) { stop.request(name); },
      [] {
        observe::error("aborted", {{"why", "a second signal while draining"}});
        std::_Exit(kExitFailed);
      },
      [&reopener] { reopener.request(); },
  });
  if (const Status failed = service.start(); !failed.ok()) {
    observe::error("can't start", {{"error", failed.text()}});
    return kExitFailed;
  }
  observe::info("ready", {{"took_ms", duration_cast<milliseconds>(Steady::now() - began).count()}});
  const char* const signal = stop.wait();
  const Time drain_began = Steady::now();
  service.stop_accepting();
  observe::info("draining", {{"signal", signal}});  // who reads it may rely on "not ready"
  const Time deadline = drain_began + settings.shutdown_timeout;
  guard.arm(deadline + kHangMax, kExitFailed);
  const Status drained = service.drain(deadline);
  const auto took_ms = duration_cast<milliseconds>(Steady::now() - drain_began).count();
  if (drained.ok()) {
    guard.arm(Steady::now() + kHangMax, 0);
    observe::info("stopped", {{"drain_ms", took_ms}});
    return 0;
  }
  observe::error("stopped, not drained", {{"drain_ms", took_ms}, {"error", to_string(drained)}});
  // A handler that never returns can't be joined: leave without destructors.
  std::_Exit(kExitFailed);
}

observe::Level to_level(const std::string& name) {
  if (name == "debug") return observe::Level::debug;
  if (name == "warn") return observe::Level::warn;
  if (name == "error") return observe::Level::error;
  return observe::Level::info;
}

}  // namespace

int run(const ServiceDescription& about, int argc, char** argv) {
  const Time began = std::chrono::steady_clock::now();
  const std::string flag = argc > 1 ? argv[1] : "";
  if (argc > 2) return complain(std::string(about.name) + ": one option at most; see --help");
  if (flag == "--help" || flag == "-h") return print_help(about), 0;
  if (flag == "--version") return std::printf("%s %s\n", about.name, MILLRACE_VERSION), 0;
  if (flag == "--settings-markdown") return std::printf("%s", config::markdown_table().c_str()), 0;
  if (!flag.empty() && flag != "--check-config" && flag != "--healthcheck") {
    return complain(std::string(about.name) + ": unknown option '" + flag + "'; see --help");
  }
  const auto environment = config::environment_over_file(".env");
  if (!environment.has_value()) return complain(environment.error().text());
  const auto settings = config::load(about.service, *environment);
  if (!settings.has_value()) return complain(settings.error().text());
  if (flag == "--check-config") {
    return std::printf("%s", config::effective(about.service, *environment).c_str()), 0;
  }
  if (flag == "--healthcheck") return healthcheck(about, *settings);
  // Fixed, or glibc raises it with the first large block that is freed, and keeps what later ones
  // leave, 11 MB beside tables of 24 MB for known ids.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  block_signals();
  prefer_batches();
  keep_pages();
  raise_descriptor_limit();
  observe::init_log(about.name, to_level(settings->log_level));
  observe::info("starting", {{"version", MILLRACE_VERSION}, {"pid", getpid()}});
  try {
    ExitGuard guard;
    const auto graph = about.make(*settings);
    return live(*graph, *settings, guard, began);
  } catch (const std::exception& error) {
    observe::error("can't start", {{"error", error.what()}});
    return kExitFailed;
  }
}

}  // namespace millrace::app
