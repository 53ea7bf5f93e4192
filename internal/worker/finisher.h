// The end of a message's way: results, then dead letters, then the verdicts, in one function, so
// that no other order can be written (invariant 2: settled means done).
#pragma once

#include <atomic>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/thread_annotations.h"
#include "observe/log.h"
#include "queue/dead_letters.h"
#include "sink/sink.h"
#include "worker/backoff.h"
#include "worker/batch.h"
#include "worker/pool_metrics.h"

namespace millrace::worker {

enum class Patience : std::uint8_t {
  once,          // a write that fails is given up: for threads that must not wait
  until_stopped  // tried again until it works or a stop is requested
};

// Thread-safe; the batches are the callers'.
class Finisher {
 public:
  Finisher(sink::Sink& sink, queue::DeadLetters& dead_letters, PoolMetrics metrics,
           Backoff write_retry, const Clock& clock)
      : sink_(sink),
        dead_letters_(dead_letters),
        metrics_(std::move(metrics)),
        write_retry_(write_retry),
        clock_(clock) {}

  // Finishes the handled deliveries of `batch` and takes them out of it. False when the sink or the
  // dead letters didn't take their part: then nothing was settled and `batch` is as it was.
  [[nodiscard]] bool finish(Batch& batch, Patience patience, const std::stop_token& stop);

  // Gives back, as if never received, whatever `batch` still holds, and empties it.
  void give_back(Batch& batch);

  // Ends deliveries that could not be worked off: a dead letter each, then reject. When the letters
  // can't be written the deliveries are given back, and the Status says why. Empties `deliveries`.
  Status bury(std::vector<queue::Delivery>& deliveries, std::string_view reason);

  // What the latest write said when it failed; ok when it didn't.
  [[nodiscard]] Status health() const;

 private:
  template <class Write>
  bool persist(std::string_view what, observe::Counter& failures, Patience patience,
               const std::stop_token& stop, Write write);
  void settle(Batch& batch);
  void observe_ages(Batch& batch);
  void left(std::size_t count);
  void note(const Status& write);

  sink::Sink& sink_;
  queue::DeadLetters& dead_letters_;
  const PoolMetrics metrics_;
  const Backoff write_retry_;
  const Clock& clock_;
  observe::Throttle throttle_{std::chrono::seconds(5)};
  std::atomic<bool> failing_{false};  // spares each good write the lock
  mutable Mutex mutex_;
  Status latest_failure_ GUARDED_BY(mutex_);
};

}  // namespace millrace::worker
