// Pushes messages through a queue's interfaces as fast as they go, and says how long it took.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/event_count.h"
#include "base/uuid.h"
#include "queue/consumer.h"
#include "queue/producer.h"

namespace millrace::bench {

using Seconds = std::chrono::duration<double>;

// `bytes`: of one encoded message, if known.
inline void print_rate(std::size_t messages, Seconds took, std::size_t bytes = 0) {
  std::printf("{\"messages\": %zu, \"seconds\": %.6f, \"bytes\": %zu}\n", messages, took.count(),
              bytes);
}

// `count` messages with `payload_bytes` each and ids as ingest gives them.
inline std::vector<Message> make_batch(std::size_t count, std::size_t payload_bytes) {
  std::vector<Message> batch;
  batch.reserve(count);
  const std::string payload(payload_bytes, 'x');
  for (std::size_t i = 0; i < count; ++i) {
    batch.push_back(Message::encode({.id = Uuid::v7().text(),
                                     .timestamp = 1'700'000'000,
                                     .source = "bench-" + std::to_string(i % 16),
                                     .payload = payload,
                                     .metadata = {}}));
  }
  return batch;
}

[[noreturn]] inline void fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

inline void wait_until_ready(const std::function<Status()>& health) {
  const Time deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  EventCount nothing;  // there is no event to wait for
  while (!health().ok()) {
    const Time now = std::chrono::steady_clock::now();
    if (now > deadline) fail(health().text());
    nothing.wait(nothing.prepare_wait(), now + std::chrono::milliseconds(1));
  }
}

// Publishes `total` in batches, at most `window` messages unanswered; each must be stored. The
// messages are made before the clock runs.
inline void publish_all(queue::Producer& producer, std::size_t total, std::size_t payload_bytes,
                        std::size_t batch_size = 256, std::size_t window = 4096) {
  std::vector<std::vector<Message>> batches;
  for (std::size_t left = total; left > 0;) {
    const std::size_t size = std::min(left, batch_size);
    batches.push_back(make_batch(size, payload_bytes));
    left -= size;
  }
  const std::size_t bytes = batches.front().front().size();
  std::atomic<std::size_t> unanswered{0};
  std::atomic<std::size_t> refused{0};
  EventCount answered;
  const auto wait_until_at_most = [&](std::size_t most) {
    while (unanswered.load() > most) {
      const auto key = answered.prepare_wait();
      if (unanswered.load() <= most) {
        answered.cancel_wait();
      } else {
        answered.wait(key, Time::max());
      }
    }
  };
  const Time begin = std::chrono::steady_clock::now();
  for (auto& batch : batches) {
    wait_until_at_most(window - std::min(window, batch.size()));
    const std::size_t size = batch.size();
    unanswered += size;
    producer.publish(std::move(batch), begin + std::chrono::minutes(5),
                     [&, size](const std::vector<Status>& verdicts) {
                       for (const Status& verdict : verdicts) refused += verdict.ok() ? 0U : 1U;
                       unanswered -= size;
                       answered.notify_all();
                     });
  }
  wait_until_at_most(0);
  const Seconds took = std::chrono::steady_clock::now() - begin;
  if (refused > 0) fail(std::to_string(refused) + " messages were refused");
  print_rate(total, took, bytes);
}

// Receives and acks `total`. The clock begins with the first delivery.
inline void consume_all(queue::Consumer& consumer, std::size_t total,
                        std::size_t batch_size = 256) {
  std::vector<queue::Delivery> batch;
  Time begin{};
  std::size_t done = 0;
  const Time deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (done < total) {
    batch.clear();
    const Status status = consumer.receive(batch, std::min(batch_size, total - done), deadline, {});
    if (!status.ok() || batch.empty()) fail("nothing more came: " + to_string(status));
    if (done == 0) begin = std::chrono::steady_clock::now();
    done += batch.size();
    for (auto& delivery : batch) std::move(delivery).ack();
  }
  consumer.stop_accepting();
  static_cast<void>(consumer.drain(deadline));
  print_rate(done, std::chrono::steady_clock::now() - begin);
}

}  // namespace millrace::bench
