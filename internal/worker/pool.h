// The workers: so many threads, each receiving batches from the consumer, running the handler, and
// settling a message only after its result is in the sink. See worker.h for the loop, finisher.h
// for the order of settling, ownership.h for what happens to a batch whose handler doesn't return.
#pragma once

#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/lifecycle.h"
#include "queue/consumer.h"
#include "queue/dead_letters.h"
#include "sink/sink.h"
#include "worker/batch.h"
#include "worker/census.h"
#include "worker/exception_barrier.h"
#include "worker/finisher.h"
#include "worker/handler.h"
#include "worker/options.h"
#include "worker/pool_metrics.h"
#include "worker/watchdog.h"

namespace millrace::worker {

// What becomes of messages that aren't worked off when time is up: dead letters, or the queue's
// own, which has to outlive the process.
enum class Unfinished : std::uint8_t { bury, give_back };

// How a pool ends: stop the consumer's intake, drain(); if that fails abort(), drain() again for a
// little while; if that fails too abandon(), and leave the process by _Exit: the destructor joins
// all threads, and would wait for ever for a handler that never returns.
class Pool final : public Lifecycle {
 public:
  // Borrows all of it; the parts outlive the pool and are started and stopped by their owner.
  Pool(PoolOptions options, queue::Consumer& consumer, Handler& handler, sink::Sink& sink,
       queue::DeadLetters& dead_letters, PoolMetrics metrics);

  // Aborts and joins.
  ~Pool() override;

  // Code::internal when the threads can't be made.
  Status start() override;

  // Nothing to do: a pool pulls, and its workers end by themselves when the consumer, told to stop
  // accepting, has handed out the last message and answers closed.
  void stop_accepting() override {}

  // Waits until all workers have ended. Code::deadline says how many are still at work.
  Status drain(Time deadline) override;

  // Asks handlers to come to an end, by their stop token, and workers to end after the one they are
  // in. What isn't handled by then, or what a failing sink doesn't take, goes back to the queue.
  void abort() override;

  // After abort(): waits as drain() does, then takes away what is still inside a handler and gives
  // it back, or keeps it as dead letters, "not worked off before shutdown". Ok: nothing is left
  // unsettled, even though threads may still run. Code::deadline: some worker is caught inside the
  // sink or the dead letters. Code::unavailable: dead letters weren't written; the messages were
  // given back to the queue.
  Status abandon(Time deadline, Unfinished unfinished);

  // Ok when messages can be worked off; otherwise why not: the sink or the dead letters fail, or
  // every worker is stuck. Thread-safe.
  [[nodiscard]] Status health() const;

  [[nodiscard]] PoolStats stats() const;

 private:
  void run_worker(Slot& slot);
  [[nodiscard]] Status still_at_work();

  const PoolOptions options_;
  queue::Consumer& consumer_;
  ExceptionBarrier handler_;
  const PoolMetrics metrics_;
  Finisher finisher_;
  std::stop_source stop_;
  Census census_;
  std::vector<std::unique_ptr<Slot>> slots_;
  Watchdog watchdog_;
  std::vector<std::jthread> threads_;
};

}  // namespace millrace::worker
