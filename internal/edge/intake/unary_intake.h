// The messages of unary calls on their way into the queue: those that come before the executor gets
// to them are published together.
#pragma once

#include <functional>
#include <vector>

#include "base/executor.h"
#include "base/thread_annotations.h"
#include "base/unique_function.h"
#include "edge/ingest/ingest_core.h"
#include "queue/producer.h"

namespace millrace::edge {

using queue::IsCancelled;
using UnaryDone = UniqueFunction<void(const IngestAnswer& answer)>;

// Thread-safe. Bounded by the calls that may be open.
class UnaryIntake {
 public:
  // All outlive it, and it outlives its calls. A call has its verdict after `timeout` at the
  // latest.
  UnaryIntake(IngestCore& core, Executor& executor, Duration timeout)
      : core_(core), executor_(executor), timeout_(timeout) {}

  // Calls `done` once, later. One that is cancelled, or whose `deadline` is over, before it sets
  // out isn't published; `is_cancelled` isn't asked any more once `done` was called.
  void add(Result<IngestItem> item, Time deadline, IsCancelled is_cancelled, UnaryDone done)
      EXCLUDES(mutex_);

 private:
  void launch() EXCLUDES(mutex_);

  // An entry per call in each.
  struct Batch {
    std::vector<Result<IngestItem>> items;
    std::vector<Time> deadlines;
    std::vector<IsCancelled> cancelled;
    std::vector<UnaryDone> dones;
  };

  IngestCore& core_;
  Executor& executor_;
  const Duration timeout_;
  Mutex mutex_;
  Batch gathered_ GUARDED_BY(mutex_);
  bool launching_ GUARDED_BY(mutex_) = false;
};

}  // namespace millrace::edge
