// The messages of one stream on their way into the queue, with no gRPC in it: while a batch is
// published the next one is gathered; what has no room isn't read.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/thread_annotations.h"
#include "edge/ingest/ingest_core.h"
#include "edge/intake/byte_budget.h"

namespace millrace::edge {

// A batch is closed at either bound; so much is gathered at most, and as much is under way.
struct IntakeLimits {
  std::size_t messages_max = 256;
  std::size_t bytes_max = std::size_t{256} * 1024;
};

// How far a stream got. `first_error` is of the message `first_error_index`.
struct StreamProgress {
  std::uint64_t received = 0;
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::string last_message_id;  // of the last one accepted
  Status first_error;           // ok: none
  std::uint64_t first_error_index = 0;
};

// Told without any lock of the intake held, on the executor's or the producer's thread.
class IntakeListener {
 public:
  virtual ~IntakeListener() = default;
  // What became of messages `first`, `first + 1`, ...: each once, in the stream's order.
  virtual void on_verdicts(std::uint64_t first, const std::vector<IngestAnswer>& answers) = 0;
  // After an add() that said there is no room: now there is.
  virtual void on_room() = 0;
  // Nothing is gathered or under way any more; a later add() may change that.
  virtual void on_idle() = 0;
};

// Thread-safe; add() is called by one thread at a time.
class StreamIntake : public std::enable_shared_from_this<StreamIntake> {
 public:
  // Publishes a batch, as IngestCore::ingest() does.
  using Publish = std::function<void(std::vector<Result<IngestItem>> items, IngestDone done)>;

  // `executor` and `budget` outlive it. Batches set out on the executor, one after the other: by
  // the time it gets there, more has been gathered.
  StreamIntake(Publish publish, Executor& executor, ByteBudget& budget,
               std::weak_ptr<IntakeListener> listener, IntakeLimits limits = {});

  // `bytes` are taken from the budget, and given back once the item has its verdict or is
  // discarded. True when there is room for another; otherwise on_room() will say so.
  [[nodiscard]] bool add(Result<IngestItem> item, std::size_t bytes) EXCLUDES(mutex_);

  // What is gathered and what comes later isn't published: it has no verdict. What is under way
  // gets its own.
  void discard() EXCLUDES(mutex_);

  [[nodiscard]] bool idle() const EXCLUDES(mutex_);
  [[nodiscard]] StreamProgress progress() const EXCLUDES(mutex_);

 private:
  struct Batch {
    std::vector<Result<IngestItem>> items;
    std::size_t bytes = 0;
  };

  [[nodiscard]] bool is_full() const REQUIRES(mutex_);
  // Publishes what is gathered; says that it is idle when that is nothing.
  void launch() EXCLUDES(mutex_);
  void on_answers(std::size_t bytes, const std::vector<IngestAnswer>& answers) EXCLUDES(mutex_);
  std::uint64_t count(const std::vector<IngestAnswer>& answers) EXCLUDES(mutex_);
  // After a batch: the next one, or none.
  void go_on() EXCLUDES(mutex_);

  const Publish publish_;
  Executor& executor_;
  ByteBudget& budget_;
  const std::weak_ptr<IntakeListener> listener_;
  const IntakeLimits limits_;

  mutable Mutex mutex_;
  Batch gathered_ GUARDED_BY(mutex_);
  bool under_way_ GUARDED_BY(mutex_) = false;  // a batch, or about to be
  bool room_due_ GUARDED_BY(mutex_) = false;   // an on_room() waits until the gathered set out
  bool discarding_ GUARDED_BY(mutex_) = false;
  StreamProgress progress_ GUARDED_BY(mutex_);
};

}  // namespace millrace::edge
