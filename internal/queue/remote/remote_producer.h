// The producer for a queue that lives in another process: messages go to a processor's hop route in
// batches, and its verdict on each comes back.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "http/hop_pool.h"
#include "observe/metrics.h"
#include "queue/producer.h"

namespace millrace::queue {

inline constexpr std::string_view kHopEnqueuePath = "/hop/enqueue";
inline constexpr std::chrono::seconds kFailureCounts{1};

// Thread-safe. A publish from a reactor's thread stays on it: its `done` runs there too.
class RemoteProducer final : public Producer {
 public:
  // `reactors`, `registry` and `clock` outlive it.
  RemoteProducer(http::ReactorPool& reactors, std::shared_ptr<http::UpstreamDirectory> processors,
                 observe::Registry& registry, const Clock& clock = system_clock());

  void publish(std::vector<Message> batch, Time deadline, PublishDone done) override;
  // What the latest publish met, for kFailureCounts: there is no connection to ask while nothing is
  // sent, and whoever publishes only while this is ok must find out some time that it is over.
  [[nodiscard]] Status health() const override;
  [[nodiscard]] ProducerStats producer_stats() const override;

  void stop_accepting() override { accepting_ = false; }
  Status drain(Time deadline) override;
  void abort() override;

 private:
  void on_answers(std::vector<http::HopAnswer> answers, PublishDone done);
  void refuse_all(std::size_t count, PublishDone done);

  http::ReactorPool& reactors_;
  const Clock& clock_;
  http::HopMetrics metrics_;
  std::atomic<bool> accepting_{true};
  mutable Mutex mutex_;
  std::condition_variable all_done_;
  ProducerStats stats_ GUARDED_BY(mutex_);
  std::uint64_t undone_ GUARDED_BY(mutex_) = 0;  // messages whose `done` hasn't returned yet
  Status latest_ GUARDED_BY(mutex_);
  Time latest_at_ GUARDED_BY(mutex_);
  http::HopPool hop_;  // last: it answers into the rest until it is gone
};

}  // namespace millrace::queue
