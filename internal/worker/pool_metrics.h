// What the pool counts. Counters are added to per batch, each when the thing happened, once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "observe/metrics.h"

namespace millrace::worker {

// Present values; shared with the registry's readers, which may outlive the pool.
struct PoolGauges {
  std::atomic<std::int64_t> workers{0};
  std::atomic<std::int64_t> busy_workers{0};
  std::atomic<std::int64_t> in_flight{0};
  std::atomic<std::int64_t> stuck_workers{0};
};

struct PoolMetrics {
  observe::Counter& processed;  // finished with success: result in the sink, then acked
  observe::Counter& errors;     // finished in failure: dead-lettered, result in the sink, rejected
  observe::Counter& retries;    // given back to be tried again
  observe::Counter& dead_letters;  // letters written, those of a shutdown included
  observe::Counter& rescued;       // taken from a batch whose handler ran long
  observe::Counter& sink_writes;
  observe::Counter& sink_failures;
  observe::Counter& dead_letter_failures;
  observe::Histogram& batch_size;
  observe::Histogram& handler_s;
  observe::Histogram& end_to_end_s;
  std::shared_ptr<PoolGauges> gauges;
};

// Once per registry; see observe::Registry for what it throws.
PoolMetrics register_pool_metrics(observe::Registry& registry);

// For /stats.
struct PoolStats {
  std::uint64_t processed = 0;
  std::uint64_t errors = 0;
  std::uint64_t workers = 0;
  std::uint64_t busy = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t retries = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t stuck = 0;
};

}  // namespace millrace::worker
