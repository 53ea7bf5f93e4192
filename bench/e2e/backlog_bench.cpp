// What a message costs when many wait before it: fills the memory queue and empties it again.
//
//   backlog_bench MESSAGES ROUNDS
//
// Prints one line of JSON: CPU nanoseconds per message to publish it, and to take and ack it.
// Messages are made outside of both; small backlogs want several rounds.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "queue/memory/memory_queue.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBatch = 250;  // one receive() takes no more than 256
constexpr std::size_t kPayloadBytes = 64;
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 36;

// Verdicts are known before publish() returns; nobody waits for them here.
class ForgettingExecutor final : public Executor {
 public:
  void post(UniqueFunction<void()> /*task*/) override {}
};

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "backlog_bench: %s\n", why);
  std::exit(1);
}

double cpu_ns() {
  timespec now{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) fail("no clock of CPU time");
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::vector<Message> make_batch() {
  std::vector<Message> batch;
  batch.reserve(kBatch);
  for (std::size_t i = 0; i < kBatch; ++i) {
    batch.push_back(Message::encode({.id = Uuid::v7().text(),
                                     .timestamp = 1'700'000'000,
                                     .source = "bench",
                                     .payload = std::string(kPayloadBytes, 'x'),
                                     .metadata = {}}));
  }
  return batch;
}

double fill(queue::MemoryQueue& queue, std::size_t messages) {
  double took = 0;
  for (std::size_t i = 0; i < messages; i += kBatch) {
    std::vector<Message> batch = make_batch();
    const double begin = cpu_ns();
    queue.publish(std::move(batch), Time::max(), [](std::vector<Status> /*verdicts*/) {});
    took += cpu_ns() - begin;
  }
  if (queue.size() != messages) fail("not all messages were stored");
  return took;
}

double empty(queue::MemoryQueue& queue, std::size_t messages) {
  std::vector<queue::Delivery> batch;
  const double begin = cpu_ns();
  for (std::size_t done = 0; done < messages; done += batch.size()) {
    batch.clear();
    if (!queue.receive(batch, kBatch, Time::max(), {}).ok()) fail("nothing more came");
    queue::Delivery::ack_all(batch);
  }
  return cpu_ns() - begin;
}

int run(std::size_t messages, std::size_t rounds) {
  if (messages == 0 || messages % kBatch != 0 || rounds == 0) {
    fail("usage: backlog_bench MESSAGES ROUNDS; MESSAGES must be a multiple of 250");
  }
  ForgettingExecutor executor;
  queue::MemoryQueue queue(messages, executor, system_clock(), kBytesMax - 1);
  // The first fill would measure the kernel giving pages, which a large backlog alone would pay.
  fill(queue, messages);
  empty(queue, messages);
  double publish = 0;
  double take = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    publish += fill(queue, messages);
    take += empty(queue, messages);
  }
  const auto all = static_cast<double>(messages * rounds);
  std::printf("{\"publish_ns\": %.2f, \"take_and_ack_ns\": %.2f}\n", publish / all, take / all);
  return 0;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  return millrace::bench::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0,
                              argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0);
}
