// Dead letters in a topic of their own, <topic>.dlq, with one partition that is compacted: a
// record's key is the letter, and a record without a value (a tombstone) says that it was replayed.
// The value is the message as it came; what is known of it is in headers:
//
//   millrace-id, -source, -reason, -attempts, -dead-lettered-at (Unix ms), -first-failed-at (Unix
//   ms), -topic, -partition, -offset
//
// The key is a hash of where the message was and of the attempt, so that a letter written again
// after an unknown outcome takes the place of the first. One that was nowhere, in memory, may be
// there twice.
#pragma once

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "queue/dead_letters.h"
#include "queue/kafka/kafka_client.h"
#include "queue/kafka/kafka_log_reader.h"
#include "queue/kafka/kafka_watch.h"
#include "queue/kafka/letter_index.h"

namespace millrace::queue {

// Thread-safe.
class KafkaDeadLetters final : public DeadLetters {
 public:
  explicit KafkaDeadLetters(KafkaOptions options, const Clock& clock = system_clock());
  ~KafkaDeadLetters() override;

  // Code::invalid when librdkafka doesn't take the settings. Otherwise ok at once, whether a broker
  // is there or not: health() says so.
  Status start() override;
  Status write(std::span<const DeadLetter> letters) override;
  // The first call reads the topic from its beginning; the next ones what came since.
  Result<DeadLetterPage> list(std::string_view after, std::size_t max) override;
  Status mark_replayed(std::span<const std::string> keys) override;

  [[nodiscard]] Status health() const { return watch_.health(); }

 private:
  struct Record;

  [[nodiscard]] Record record_of(const DeadLetter& letter) const;
  // All of them are stored, or it isn't ok; blocks until each has its report.
  Status produce(std::span<const Record> records) EXCLUDES(write_mutex_);
  Status send(const Record& record) REQUIRES(write_mutex_);
  Status await_reports(std::size_t count) REQUIRES(write_mutex_);
  Status catch_up() REQUIRES(read_mutex_);
  Status read_letters(std::span<const std::int64_t> offsets, DeadLetterPage& page)
      REQUIRES(read_mutex_);

  const KafkaOptions options_;
  const Clock& clock_;
  KafkaWatch watch_;
  std::shared_ptr<KafkaHandle> producer_;  // from start() on

  KafkaQueue reports_;
  Mutex write_mutex_;
  std::uintptr_t round_ GUARDED_BY(write_mutex_) = 0;  // of produce(): whose report it is

  Mutex read_mutex_;
  KafkaLogReader reader_ GUARDED_BY(read_mutex_);
  LetterIndex index_ GUARDED_BY(read_mutex_);
  std::int64_t next_ GUARDED_BY(read_mutex_) = 0;  // the first offset that the index doesn't know
};

}  // namespace millrace::queue
