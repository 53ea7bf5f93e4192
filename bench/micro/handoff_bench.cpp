// From just before a task is submitted to its first instruction in a worker, one task at a time, of
// four workers of which none, some or all have nothing to do.
//   idle now   submitted 0 to 20 us after the previous task's end
//   idle 1 ms  submitted a millisecond after it
//   busy       submitted while one worker is inside a task of 5 us, and it is the only one
// "idle CPU" is the processor time of all threads of the process, over wall time, from 50 ms after
// the last task on.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <functional>
#include <poll.h>
#include <random>
#include <string>
#include <vector>

#include "contest.h"
#include "pipeline.h"
#include "pool_rivals.h"
#include "work.h"

namespace millrace::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

enum class Idle { now, a_millisecond, busy };

// One task at a time passes through here. Publisher: stamp(), submit, wait. Worker: run().
class HandOff {
 public:
  void stamp() { submitted_.store(now_ns(), std::memory_order_relaxed); }
  void run() {
    const std::int64_t started = now_ns();
    latest_ns_.store(started - submitted_.load(std::memory_order_relaxed),
                     std::memory_order_relaxed);
    started_.fetch_add(1, std::memory_order_release);
    if (rounds > 0) compute(rounds);
    ended_.fetch_add(1, std::memory_order_release);
  }
  // Spins: to sleep here would be measured too.
  std::int64_t wait_started(std::uint64_t count) const {
    while (started_.load(std::memory_order_acquire) < count) __builtin_ia32_pause();
    return latest_ns_.load(std::memory_order_relaxed);
  }
  void wait_ended(std::uint64_t count) const {
    while (ended_.load(std::memory_order_acquire) < count) __builtin_ia32_pause();
  }

  std::uint64_t rounds = 0;  // of compute() in a task

 private:
  static std::int64_t now_ns() { return SteadyClock::now().time_since_epoch().count(); }

  std::atomic<std::int64_t> submitted_{0};
  alignas(64) std::atomic<std::int64_t> latest_ns_{0};
  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> ended_{0};
};

struct Ours {
  Ours(std::size_t workers, HandOff& hand_off, std::size_t tasks)
      : handler([&hand_off] { hand_off.run(); }),
        pipeline(workers, 1024, handler),
        messages(make_messages(tasks, 0)) {
    static_cast<void>(pipeline.pool.start());
  }
  ~Ours() { static_cast<void>(pipeline.finish()); }
  void submit() {
    std::vector<Message> batch;
    batch.push_back(std::move(messages.back()));
    messages.pop_back();
    pipeline.publish(std::move(batch));
  }

  TaskHandler<std::function<void()>> handler;
  Pipeline pipeline;
  std::vector<Message> messages;
};

template <class Pool>
struct Rival {
  Rival(std::size_t workers, HandOff& h, std::size_t /*tasks*/) : hand_off(h), pool(workers) {}
  void submit() {
    pool.submit([this] { hand_off.run(); });
  }
  HandOff& hand_off;
  Pool pool;
};

void spin_until(SteadyClock::time_point time) {
  while (SteadyClock::now() < time) __builtin_ia32_pause();
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void doze(int milliseconds) { ::poll(nullptr, 0, milliseconds); }

double idle_cpu_percent() {
  doze(50);
  const double cpu = cpu_seconds();
  const auto begin = SteadyClock::now();
  doze(200);
  return 100 * (cpu_seconds() - cpu) / seconds_since(begin);
}

// Before the next task: what the subject says.
void pause_before(Idle idle, std::minstd_rand& random) {
  if (idle == Idle::a_millisecond) doze(1);
  if (idle == Idle::now) {
    spin_until(SteadyClock::now() + std::chrono::nanoseconds(random() % 20'000));
  }
}

double quantile_us(const std::vector<std::int64_t>& sorted, double q) {
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[at]) / 1e3;
}

template <class Contestant>
void hand_off(benchmark::State& state, Idle idle) {
  const std::size_t tasks = idle == Idle::a_millisecond ? 1'000 : 20'000;
  HandOff way;
  way.rounds = idle == Idle::busy ? 5 * rounds_per_us() : 0;
  std::vector<std::int64_t> taken;
  std::minstd_rand random(1);
  for (auto _ : state) {
    Contestant contestant(idle == Idle::busy ? 1 : 4, way, tasks);
    taken.clear();
    for (std::uint64_t i = 1; i <= tasks; ++i) {
      pause_before(idle, random);
      way.stamp();
      contestant.submit();
      taken.push_back(way.wait_started(i));
      if (idle != Idle::busy) way.wait_ended(i);
    }
    way.wait_ended(tasks);
    measure(state, "idle CPU", "%", idle_cpu_percent());
  }
  std::sort(taken.begin(), taken.end());
  measure(state, "p50", "us", quantile_us(taken, 0.5));
  measure(state, "p99", "us", quantile_us(taken, 0.99));
  measure(state, "p99.9", "us", quantile_us(taken, 0.999));
}

template <class Contestant>
void enter(const std::string& name) {
  const auto one = [&](const std::string& subject, Idle idle) {
    // One iteration has all the tasks.
    contest(subject, name, [=](auto& state) { hand_off<Contestant>(state, idle); })->Iterations(1);
  };
  one("idle now", Idle::now);
  one("idle 1 ms", Idle::a_millisecond);
  one("busy", Idle::busy);
}

}  // namespace

void register_contests() {
  enter<Ours>(kOurs);
  enter<Rival<MutexPool>>("mutex and condvar");
  enter<Rival<MoodycamelPool>>("moodycamel blocking");
}

}  // namespace millrace::bench
