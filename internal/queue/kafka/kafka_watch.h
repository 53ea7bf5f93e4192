// Whether the brokers answer and the topics are there: asked at the start, and again, with backoff
// and jitter, whenever something looked wrong, until it is right.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "queue/kafka/kafka_client.h"

namespace millrace::queue {

// Thread-safe, but for start() and stop().
class KafkaWatch {
 public:
  KafkaWatch(const KafkaOptions& options, std::string name, std::vector<KafkaTopicSpec> topics);
  ~KafkaWatch() { stop(); }

  using CurrentHandle = std::function<std::shared_ptr<KafkaHandle>()>;
  // Asks with the handle that `current` gives.
  void start(CurrentHandle current);
  // Takes as long as a question to the broker may, a few seconds.
  void stop();

  [[nodiscard]] bool ready() const { return ready_.load(std::memory_order_acquire); }
  // Ok when ready(), otherwise why not.
  [[nodiscard]] Status health() const EXCLUDES(mutex_);

  // Something looked wrong: not ready until the brokers have answered again.
  void suspect(const std::string& why) EXCLUDES(mutex_);

  // librdkafka's error callback.
  void on_error(rd_kafka_resp_err_t code, const std::string& reason) EXCLUDES(mutex_);

 private:
  void run(const std::stop_token& stop) EXCLUDES(mutex_);
  Status check(const std::stop_token& stop);
  Status ensure(const KafkaTopicSpec& topic, rd_kafka_t* client, const std::stop_token& stop);
  void set_health(Status failed) EXCLUDES(mutex_);
  [[nodiscard]] std::uint64_t suspicions_now() const EXCLUDES(mutex_);
  void be_ready_until_suspected(std::uint64_t suspicions, const std::stop_token& stop)
      EXCLUDES(mutex_);
  void pause(Duration time, const std::stop_token& stop) EXCLUDES(mutex_);

  const KafkaOptions options_;
  const std::string name_;
  const std::vector<KafkaTopicSpec> topics_;
  CurrentHandle current_;
  std::atomic<bool> ready_{false};

  mutable Mutex mutex_;
  std::condition_variable changed_;
  Status health_ GUARDED_BY(mutex_);
  std::string latest_error_ GUARDED_BY(mutex_);
  std::uint64_t suspicions_ GUARDED_BY(mutex_) = 0;

  std::jthread thread_;  // last: it uses the members above
};

}  // namespace millrace::queue
