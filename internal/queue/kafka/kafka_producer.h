// Publishing to a Kafka topic: idempotent, acks=all, keyed by source, batched by the library.
//
// A publish has three outcomes. Stored: all in-sync replicas have it. Refused: the library knows
// that it never got there. Unknown: it may have got there; the library has tried it again for as
// long as it could, so it stays Code::deadline.
#pragma once

#include <list>
#include <memory>
#include <thread>

#include "base/thread_annotations.h"
#include "queue/kafka/kafka_client.h"
#include "queue/kafka/kafka_watch.h"
#include "queue/producer.h"
#include "queue/publishing.h"

namespace millrace::queue {

// Thread-safe.
class KafkaProducer final : public Producer {
 public:
  // `done` callbacks are posted to `executor`, which outlives it.
  KafkaProducer(KafkaOptions options, Executor& executor);
  ~KafkaProducer() override;

  // Code::invalid when librdkafka doesn't take the settings. Otherwise ok at once, whether a broker
  // is there or not: health() says so.
  Status start() override;
  // While no broker can be reached, Code::unavailable at once.
  void publish(std::vector<Message> batch, Time deadline, PublishDone done) override;
  [[nodiscard]] Status health() const override;
  [[nodiscard]] std::uint64_t message_bytes_max() const override;
  [[nodiscard]] ProducerStats producer_stats() const override { return books_.stats(); }

  void stop_accepting() override { books_.close(); }
  Status drain(Time deadline) override { return books_.drain(deadline); }
  void abort() override;

 private:
  // One publish() as the library has it: each message is judged by its report or by the deadline,
  // whichever is first, and all of it is freed with the last report.
  struct Sending;
  struct Sent {
    Sending* sending = nullptr;
    std::atomic<bool> judged{false};
  };
  using Sendings = std::list<std::unique_ptr<Sending>>;

  Result<std::shared_ptr<KafkaHandle>> make_handle();
  [[nodiscard]] std::shared_ptr<KafkaHandle> handle() const EXCLUDES(mutex_);
  Sending& begin(std::shared_ptr<Publication> publication, std::size_t count, Time deadline)
      EXCLUDES(mutex_);
  // What keeps the message from being handed to the library; ok: a report will come.
  Status send(rd_kafka_t* client, const Message& message, Sent& sent);
  static void judge(Sent& sent, Status verdict);
  // One report fewer to come, or the publishing itself.
  void release(Sending& sending) EXCLUDES(mutex_);

  void run(const std::stop_token& stop);
  void expire(Time now) EXCLUDES(mutex_);
  void rebuild();
  // Asks for the reports of all that is under way, and waits for them, not for long.
  static void purge(KafkaHandle& handle);

  void on_report(const rd_kafka_message_t& report);
  static void report_callback(rd_kafka_t* client, const rd_kafka_message_t* report, void* self);
  static void error_callback(rd_kafka_t* client, int code, const char* reason, void* self);

  const KafkaOptions options_;
  PublishBooks books_;
  KafkaWatch watch_;
  std::atomic<bool> fatal_{false};  // the handle is of no use any more

  mutable Mutex mutex_;
  std::shared_ptr<KafkaHandle> handle_ GUARDED_BY(mutex_);
  Sendings sendings_ GUARDED_BY(mutex_);

  std::jthread thread_;  // last: it uses the members above
};

}  // namespace millrace::queue
