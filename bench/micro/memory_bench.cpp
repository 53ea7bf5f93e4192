// Resident memory of a million waiting messages of 150 bytes encoded. Each contestant fills up in a
// child process of its own, so that nobody works in what another left behind.
#include <concurrentqueue/concurrentqueue.h>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "contest.h"
#include "pipeline.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kMessages = 1'000'000;
constexpr std::size_t kBytes = 150;
constexpr std::size_t kBatch = 1'000;

double resident_mb() {
  long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%*s %ld", &pages) != 1) std::abort();
  std::fclose(file);
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

// Messages of exactly kBytes.
std::vector<Message> some_messages(std::size_t count) {
  static const std::size_t payload = [] {
    std::size_t bytes = 0;
    while (make_messages(1, bytes).front().size() < kBytes) ++bytes;
    return bytes;
  }();
  return make_messages(count, payload);
}

double fill_ours() {
  ForgettingExecutor executor;
  const double before = resident_mb();
  queue::MemoryQueue queue(kMessages, executor, system_clock());
  for (std::size_t i = 0; i < kMessages; i += kBatch) {
    queue.publish(some_messages(kBatch), Time::max(), [](std::vector<Status>) {});
  }
  return queue.size() == kMessages ? resident_mb() - before : 0;
}

// The encoded bytes in strings: no id or source that can be found without decoding.
template <class Put>
double fill_strings(Put put) {
  const double before = resident_mb();
  for (std::size_t i = 0; i < kMessages; i += kBatch) {
    for (Message& message : some_messages(kBatch)) put(std::move(message).take_wire());
  }
  return resident_mb() - before;
}

double fill_deque() {
  std::deque<std::string> queue;
  return fill_strings([&](std::string wire) { queue.push_back(std::move(wire)); });
}

double fill_moodycamel() {
  moodycamel::ConcurrentQueue<std::string> queue;
  return fill_strings([&](std::string wire) { queue.enqueue(std::move(wire)); });
}

// What `fill` measured in a child process; 0 when it failed.
double in_a_child(double (*fill)()) {
  int ends[2];
  if (::pipe(ends) != 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) {
    const double found = fill();
    ::_exit(::write(ends[1], &found, sizeof found) == sizeof found ? 0 : 1);
  }
  ::close(ends[1]);
  double found = 0;
  const bool whole = ::read(ends[0], &found, sizeof found) == sizeof found;
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return whole ? found : 0;
}

void enter(const std::string& name, double (*fill)()) {
  const auto run = [=](benchmark::State& state) {
    double found = 0;
    for (auto _ : state) found = in_a_child(fill);
    if (found <= 0) return state.SkipWithError("not filled");
    measure(state, "resident", "MB", found);
  };
  contest("1,000,000 messages of 150 B", name, run)->Iterations(1);
}

}  // namespace

void register_contests() {
  static_assert(kMessages % kBatch == 0);
  enter(kOurs, fill_ours);
  enter("deque of strings", fill_deque);
  enter("moodycamel of strings", fill_moodycamel);
}

}  // namespace millrace::bench
