#include "edge/intake/byte_budget.h"

#include <utility>

namespace millrace::edge {

bool ByteBudget::try_take(std::uint64_t bytes) {
  if (waiting_count_ > 0 || taken_ >= bytes_max_) return false;
  taken_ += bytes;
  return true;
}

void ByteBudget::take_later(std::uint64_t bytes, UniqueFunction<void()> go) {
  {
    const MutexLock lock(mutex_);
    waiting_.push_back({bytes, std::move(go)});
    ++waiting_count_;
  }
  let_in();
}

void ByteBudget::give(std::uint64_t bytes) {
  taken_ -= bytes;
  if (waiting_count_ > 0) let_in();
}

void ByteBudget::let_in() {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(letting_in_, true)) return;  // whoever does it looks again
  }
  while (true) {
    Waiter next;
    {
      const MutexLock lock(mutex_);
      if (waiting_.empty() || taken_ >= bytes_max_) {
        letting_in_ = false;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
      --waiting_count_;
      taken_ += next.bytes;
    }
    next.go();
  }
}

}  // namespace millrace::edge
