// Publishing to several queues, the providers, at the same time.
//
//   fail-fast     accepted only if every provider has the message. While one of them is down,
//                 nothing is sent to the others and the publish is refused. When one fails that
//                 others have answered differently, the message is in some queue: the outcome is
//                 Code::deadline, not a refusal, and names the provider that failed.
//   best-effort   accepted as soon as one has it; what the others miss is counted and logged.
#pragma once

#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "queue/producer.h"
#include "queue/publishing.h"

namespace millrace::queue {

enum class CompositeStrategy : std::uint8_t { fail_fast, best_effort };

struct CompositeProducerPart {
  std::string name;
  std::shared_ptr<Producer> producer;
};

struct CompositePartStats {
  std::string name;
  ProducerStats publishing;
  std::uint64_t missing = 0;  // messages that were accepted without this provider
  bool healthy = false;
};

// Thread-safe.
class CompositeProducer final : public Producer {
 public:
  // At least two parts. `done` callbacks are posted to `executor`, which outlives it.
  CompositeProducer(std::vector<CompositeProducerPart> parts, CompositeStrategy strategy,
                    PublishLimits limits, Executor& executor);
  ~CompositeProducer() override;

  Status start() override;
  void publish(std::vector<Message> batch, Time deadline, PublishDone done) override;
  [[nodiscard]] Status health() const override;
  [[nodiscard]] std::uint64_t message_bytes_max() const override;
  // Of the publishes to the composite; part_stats() has those to the providers.
  [[nodiscard]] ProducerStats producer_stats() const override { return books_.stats(); }
  [[nodiscard]] std::vector<CompositePartStats> part_stats() const;

  void stop_accepting() override;
  Status drain(Time deadline) override;
  void abort() override;

 private:
  struct Part {
    explicit Part(CompositeProducerPart part) : of(std::move(part)) {}

    CompositeProducerPart of;
    std::atomic<std::uint64_t> missing{0};
  };
  struct Joint;  // one publish(), until the last provider has answered

  [[nodiscard]] Status refusal(const Message& message) const;
  // The verdicts of part `index`; nothing is left of the joint after the last one's.
  void answered(Joint& joint, std::size_t index, std::vector<Status> verdicts) EXCLUDES(mutex_);
  // What can be said of message `index` so far; nothing: it isn't decided yet.
  [[nodiscard]] std::optional<Status> verdict(const Joint& joint, std::size_t index) const;
  [[nodiscard]] Status failure(const Joint& joint, std::size_t index) const;
  void note_missing(const Joint& joint);

  std::vector<std::unique_ptr<Part>> parts_;
  const CompositeStrategy strategy_;
  PublishBooks books_;

  Mutex mutex_;
  std::condition_variable all_answered_;
  std::size_t joints_ GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::queue
