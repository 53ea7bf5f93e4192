// Looks at the workers from outside: counts and reports the handlers that run longer than their
// timeout, and takes the rest of a batch out of the hands of a worker whose handler runs long, so
// that one slow message doesn't hold up others: those already handled are finished, those not yet
// begun are given back to the queue.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "worker/batch.h"
#include "worker/census.h"
#include "worker/finisher.h"
#include "worker/options.h"

namespace millrace::worker {

// Its owner starts it once, or calls look().
class Watchdog {
 public:
  // Borrows all of it. While it has deliveries in its hands it is counted in `census`.
  Watchdog(const PoolOptions& options, std::vector<std::unique_ptr<Slot>>& slots,
           Finisher& finisher, const PoolMetrics& metrics, Census& census)
      : options_(options), slots_(slots), finisher_(finisher), metrics_(metrics), census_(census) {}

  // Looks again and again, on a thread of its own, until it is destroyed.
  void start();

  // One round; what start() does again and again.
  void look();

 private:
  struct Stuck {
    std::string message_id;
    std::size_t worker;
    double running_s;
  };
  struct Findings {
    std::int64_t stuck = 0;
    std::vector<Stuck> to_report;  // each handler once
    std::vector<Batch> handled;
    std::vector<Batch> not_begun;
  };

  void run(const std::stop_token& stop);
  void examine(Slot& slot, Time now, Findings& findings) const;
  static void rescue(Batch& from, Findings& findings);
  void act(Findings& findings);

  const PoolOptions& options_;
  std::vector<std::unique_ptr<Slot>>& slots_;
  Finisher& finisher_;
  const PoolMetrics& metrics_;
  Census& census_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace millrace::worker
