// The messages of unary calls on their way into the queue: while a batch of them is published, the
// next one is gathered.
#pragma once

#include <functional>
#include <vector>

#include "base/executor.h"
#include "base/thread_annotations.h"
#include "base/unique_function.h"
#include "edge/ingest/ingest_core.h"

namespace millrace::edge {

// Whether nobody waits for the answer any more. Thread-safe.
using IsCancelled = std::function<bool()>;
using UnaryDone = UniqueFunction<void(const IngestAnswer& answer)>;

// Thread-safe. Bounded by the calls that may be open.
class UnaryIntake {
 public:
  // All outlive it, and it outlives its calls. Batches are published on `executor`: by the time it
  // gets there, more has been gathered.
  UnaryIntake(IngestCore& core, Executor& executor, Duration timeout)
      : core_(core), executor_(executor), timeout_(timeout) {}

  // Calls `done` once, later. A call whose `deadline` is earlier than the others' goes alone, so
  // that it doesn't cut theirs. One that is cancelled before it sets out isn't published;
  // `is_cancelled` isn't asked any more once `done` was called.
  void add(Result<IngestItem> item, Time deadline, IsCancelled is_cancelled, UnaryDone done)
      EXCLUDES(mutex_);

 private:
  void publish_alone(Result<IngestItem> item, Time deadline, UnaryDone done);
  void launch() EXCLUDES(mutex_);

  // An entry per call in each.
  struct Batch {
    std::vector<Result<IngestItem>> items;
    std::vector<IsCancelled> cancelled;
    std::vector<UnaryDone> dones;
  };

  IngestCore& core_;
  Executor& executor_;
  const Duration timeout_;
  Mutex mutex_;
  Batch gathered_ GUARDED_BY(mutex_);
  bool under_way_ GUARDED_BY(mutex_) = false;
};

}  // namespace millrace::edge
