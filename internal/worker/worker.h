// One thread of the pool: receives a batch, handles it message by message, finishes it.
#pragma once

#include <cstdint>
#include <random>
#include <stop_token>
#include <string>

#include "diplom/v1/diplom.pb.h"
#include "queue/consumer.h"
#include "worker/batch.h"
#include "worker/finisher.h"
#include "worker/handler.h"
#include "worker/options.h"

namespace millrace::worker {

class Worker {
 public:
  // Borrows all of it. `handler` must not throw: see ExceptionBarrier.
  Worker(const PoolOptions& options, queue::Consumer& consumer, Handler& handler,
         Finisher& finisher, const PoolMetrics& metrics, Slot& slot, std::stop_token stop);

  // Until the consumer is closed, a stop is requested, or the slot is gone.
  void run();

 private:
  // False: there will be no more.
  bool receive();
  void work_off();
  // Handles deliveries until all are, or batch_time has passed, or a stop is requested; at least
  // one. False: the slot is gone, hands off.
  [[nodiscard]] bool handle_some();
  [[nodiscard]] bool handle_next(Time now);

  void judge(const queue::Delivery& delivery, Outcome outcome);
  void judge_failed(const queue::Delivery& delivery, std::string why);

  // How many messages fit into batch_time, going by what the last ones took.
  [[nodiscard]] std::size_t batch_size() const;
  void learn(Duration took);

  const PoolOptions& options_;
  queue::Consumer& consumer_;
  Handler& handler_;
  Finisher& finisher_;
  const PoolMetrics& metrics_;
  Slot& slot_;
  const std::stop_token stop_;

  diplom::v1::DataMessage message_;  // reused; the handler's, so never touched by a visitor
  Context context_;
  observe::Tally handler_times_s_;  // the histogram has it after each run of handlers, not before
                                    // one ends that hangs
  std::minstd_rand random_;
  std::int64_t average_ns_;  // moving average of a message's time; starts so that one is taken
};

}  // namespace millrace::worker
