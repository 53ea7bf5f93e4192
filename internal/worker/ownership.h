// Who may touch a worker's batch, as one word. A handler may never return, and the rest of its
// batch must not wait for it: so a worker lends its batch to nobody while it is inside the handler,
// and a visitor (the watchdog; at shutdown the pool) may take what the handler doesn't need.
//
//              lend()                    take()
//    worker ───────────────> lent ───────────────────> visitor
//       ^                    │  ^                       │   │
//       └────────────────────┘  └───────────────────────┘   │ keep()
//              reclaim()              hand_back()            v
//                                                           gone
//
// Invariants:
//   1. `worker`: only the worker touches the batch. It alone leaves this state (lend).
//   2. `lent`: nobody touches the batch. The worker is inside the handler, whose message is a copy.
//   3. `visitor`: only the one visitor whose take() was true touches the batch. It leaves this
//   state
//      after a few moves, never waiting for anything, by hand_back or keep.
//   4. `gone` is final: the batch is the visitor's for ever. A worker that comes back to it touches
//      nothing any more.
//   5. While it is lent and after hand_back, the first unhandled delivery of the batch is the one
//      in the handler: a visitor that hands back leaves that one where it is the first.
//
// So each delivery has one owner at a time, and none can be settled twice. The worker pays one
// store and one uncontended compare-exchange per message.
#pragma once

#include <atomic>
#include <cstdint>

namespace millrace::worker {

class Ownership {
 public:
  // The worker, before the handler. Release: a visitor sees the batch as the worker left it.
  void lend() { word_.store(kLent, std::memory_order_release); }

  // The worker, after the handler. False: the batch is gone. Waits for a visitor's few moves.
  [[nodiscard]] bool reclaim() {
    for (;;) {
      std::uint32_t seen = kLent;
      // Acquire: the worker sees what a visitor left.
      if (word_.compare_exchange_strong(seen, kWorker, std::memory_order_acquire)) return true;
      if (seen == kGone) return false;
      word_.wait(seen, std::memory_order_relaxed);
    }
  }

  // A visitor. False: the worker has the batch, or it is gone. Waits for another visitor.
  [[nodiscard]] bool take() {
    for (;;) {
      std::uint32_t seen = kLent;
      if (word_.compare_exchange_strong(seen, kVisitor, std::memory_order_acquire)) return true;
      if (seen != kVisitor) return false;
      word_.wait(seen, std::memory_order_relaxed);
    }
  }

  // The visitor whose take() was true.
  void hand_back() { leave(kLent); }
  void keep() { leave(kGone); }

 private:
  static constexpr std::uint32_t kWorker = 0;
  static constexpr std::uint32_t kLent = 1;
  static constexpr std::uint32_t kVisitor = 2;
  static constexpr std::uint32_t kGone = 3;

  void leave(std::uint32_t state) {
    word_.store(state, std::memory_order_release);
    word_.notify_all();
  }

  std::atomic<std::uint32_t> word_{kWorker};
};

}  // namespace millrace::worker
