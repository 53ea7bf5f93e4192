// Receiving from a Kafka topic as a member of a consumer group, whose members share the partitions.
//
// Offsets are committed up to the first message of a partition that isn't settled, in whatever
// order the workers settle: nothing is skipped, and after a crash some messages come again. A retry
// waits here, in its place, and holds the committed offset. The group doesn't count attempts: what
// comes again after a crash or from another member begins with attempt 1.
//
// When a partition is taken away, its messages in work have a moment to be finished; what isn't by
// then belongs to somebody else, and settling it has no effect.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "queue/consumer.h"
#include "queue/dead_letters.h"
#include "queue/kafka/kafka_backlog.h"
#include "queue/kafka/kafka_client.h"
#include "queue/kafka/kafka_committer.h"
#include "queue/kafka/kafka_watch.h"

namespace millrace::queue {

// Thread-safe, except destruction: by then every delivery must be settled and every call returned.
class KafkaConsumer final : public Consumer, public Settler {
 public:
  // What isn't a message of ours goes to `foreign`, with the reason. Borrows it.
  KafkaConsumer(KafkaOptions options, DeadLetters& foreign);
  ~KafkaConsumer() override;

  // Code::invalid when librdkafka doesn't take the settings. Otherwise ok at once, whether a broker
  // is there or not: health() says so.
  Status start() override;
  Status receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                 const std::stop_token& stop) override;
  [[nodiscard]] Status health() const override { return watch_.health(); }
  // `waiting` is what the brokers have of our partitions, as far as they said, and at least 1 for
  // each that hasn't answered yet, or until we are in the group.
  [[nodiscard]] ConsumerStats consumer_stats() const override;

  // What isn't handed out stays in the topic.
  void stop_accepting() override { close(false); }
  // Waits until everything in flight is settled, and commits it.
  Status drain(Time deadline) override;
  void abort() override { close(true); }

 private:
  using Held = KafkaBacklog::Held;
  using Positions = KafkaCommitter::Positions;

  // How long the group may take to answer a commit that is waited for.
  static constexpr std::chrono::milliseconds kCommitPatience{2000};

  void close(bool abort) EXCLUDES(mutex_);
  Result<KafkaConf> make_conf();

  // The polling thread.
  void run(const std::stop_token& stop);
  void subscribe();
  void poll_events() EXCLUDES(mutex_);
  void fetch(std::size_t max) EXCLUDES(mutex_);
  void keep(KafkaMessage message) REQUIRES(mutex_);
  // How many may be fetched; 0 after a moment in which there was no room.
  std::size_t room(const std::stop_token& stop) EXCLUDES(mutex_);
  void look_at_ends() EXCLUDES(mutex_);
  void leave_group();

  void on_assigned(const rd_kafka_topic_partition_list_t& partitions) EXCLUDES(mutex_);
  void on_revoked(const rd_kafka_topic_partition_list_t& partitions, bool lost) EXCLUDES(mutex_);

  void find_positions(rd_kafka_topic_partition_list_t& partitions) EXCLUDES(mutex_);
  // False when closed.
  bool pause(Duration time) EXCLUDES(mutex_);

  // Nothing more of them is handed out; how many are in work.
  std::size_t wind_up(const rd_kafka_topic_partition_list_t& partitions) REQUIRES(mutex_);

  // Tells the group how far we are, and waits for its answer until `deadline`.
  void commit_until(Time deadline) EXCLUDES(mutex_);

  // The receiving threads.
  std::vector<Held*> take(std::size_t max, Time deadline, const std::stop_token& stop,
                          Status& status) EXCLUDES(mutex_);
  void deliver(Held& held, std::vector<Delivery>& out);
  void bury_foreign(Held& held, const Status& why);
  static Held& held_of(const Delivery& delivery);

  void finish(Held& held, std::uint64_t ConsumerStats::*book) EXCLUDES(mutex_);
  void put_back(Held& held, Time due, std::uint64_t ConsumerStats::*book) EXCLUDES(mutex_);
  void count(std::uint64_t ConsumerStats::*book) REQUIRES(mutex_);

  void on_ack(Delivery& delivery) noexcept override;
  void on_retry(Delivery& delivery, Duration delay, std::string_view why) noexcept override;
  void on_reject(Delivery& delivery, std::string_view why) noexcept override;
  void on_nack(Delivery& delivery) noexcept override;
  [[nodiscard]] Origin origin(const Delivery& delivery) const override;

  static void rebalance_callback(rd_kafka_t* client, rd_kafka_resp_err_t what,
                                 rd_kafka_topic_partition_list_t* partitions, void* self);
  static void error_callback(rd_kafka_t* client, int code, const char* reason, void* self);

  const KafkaOptions options_;
  DeadLetters& foreign_;
  KafkaWatch watch_;
  std::shared_ptr<KafkaHandle> handle_;  // from start() on
  KafkaQueue messages_;                  // of all partitions
  std::optional<KafkaCommitter> commits_;

  mutable Mutex mutex_;
  std::condition_variable arrivals_;  // receivers wait here
  std::condition_variable room_;      // the polling thread waits here
  std::condition_variable settled_;   // drain() and a revocation wait here
  KafkaBacklog backlog_ GUARDED_BY(mutex_);
  ConsumerStats stats_ GUARDED_BY(mutex_);
  bool in_group_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
  bool aborted_ GUARDED_BY(mutex_) = false;

  std::jthread thread_;  // last: it uses the members above
};

}  // namespace millrace::queue
