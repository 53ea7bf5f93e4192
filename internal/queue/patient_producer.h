// A producer for those who would rather wait than be told "full": streams, which are read slower
// meanwhile.
//
// What is refused as full stands in line, first come first served, and while there is a line
// whatever comes joins it. Its head is tried with a few messages after a pause: as long as they go,
// with twice as many, at once; otherwise with fewer, after pauses that grow. So a queue that is
// behind isn't kept busy with refusing.
#pragma once

#include <functional>
#include <memory>

#include "queue/producer.h"

namespace millrace::queue {

// Runs a task after a while, never inside the call. Thread-safe.
using Later = std::function<void(Duration pause, UniqueFunction<void()> task)>;

// Thread-safe. It keeps a copy of what is being tried.
class PatientProducer final : public CancellableProducer {
 public:
  explicit PatientProducer(std::shared_ptr<Producer> producer, Later later,
                           const Clock& clock = system_clock());
  ~PatientProducer() override;

  Status start() override { return producer_->start(); }
  // Code::full is the verdict of those that still stand in line shortly before the deadline, or
  // once stop_waiting() was called. Messages that had to wait are stored after later ones of their
  // batch.
  void publish(std::vector<Message> batch, Time deadline, PublishDone done) override;
  void publish_unless(IsCancelled is_cancelled, std::vector<Message> batch, Time deadline,
                      PublishDone done) override;
  [[nodiscard]] Status health() const override { return producer_->health(); }
  [[nodiscard]] std::uint64_t message_bytes_max() const override {
    return producer_->message_bytes_max();
  }
  [[nodiscard]] ProducerStats producer_stats() const override {
    return producer_->producer_stats();
  }

  // From now on "full" is an answer.
  void stop_waiting();
  void stop_accepting() override;
  Status drain(Time deadline) override;
  void abort() override;

 private:
  class Line;

  const std::shared_ptr<Producer> producer_;
  const std::shared_ptr<Line> line_;
};

}  // namespace millrace::queue
