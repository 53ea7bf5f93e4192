// A producer for those who would rather wait than be told "full": streams, which are read slower
// meanwhile.
#pragma once

#include <functional>
#include <memory>

#include "queue/producer.h"

namespace millrace::queue {

// Runs a task after a while, never inside the call. Thread-safe.
using Later = std::function<void(Duration pause, UniqueFunction<void()> task)>;

// Thread-safe. What its queue answers with Code::full is published again, after pauses that grow,
// until the batch's deadline or until stop_accepting(); every other verdict stands. It keeps a copy
// of each batch under way. Messages that had to wait are stored after later ones of their batch.
class PatientProducer final : public Producer {
 public:
  // Both outlive it, and drain() comes before its end. The producer's own life is its owner's: only
  // the waiting ends with this one.
  PatientProducer(Producer& producer, Later later, const Clock& clock = system_clock());
  ~PatientProducer() override;

  void publish(std::vector<Message> batch, Time deadline, PublishDone done) override;
  [[nodiscard]] Status health() const override { return producer_.health(); }
  [[nodiscard]] std::uint64_t message_bytes_max() const override {
    return producer_.message_bytes_max();
  }
  [[nodiscard]] ProducerStats producer_stats() const override { return producer_.producer_stats(); }

  // From now on "full" is an answer.
  void stop_accepting() override;
  // Until every `done` was called.
  Status drain(Time deadline) override;

 private:
  struct Shared;
  struct Attempt;
  static void send(const std::shared_ptr<Attempt>& attempt);
  static void judge(const std::shared_ptr<Attempt>& attempt, std::vector<Status> verdicts);

  Producer& producer_;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace millrace::queue
