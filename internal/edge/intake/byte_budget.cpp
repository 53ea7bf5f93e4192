#include "edge/intake/byte_budget.h"

namespace millrace::edge {

void ByteBudget::take(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  taken_ += bytes;
}

bool ByteBudget::try_take(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  if (taken_ >= bytes_max_) return false;
  taken_ += bytes;
  return true;
}

void ByteBudget::give(std::uint64_t bytes) {
  {
    const MutexLock lock(mutex_);
    taken_ -= bytes;
  }
  while (true) {
    UniqueFunction<void()> resume;
    {
      const MutexLock lock(mutex_);
      if (waiting_.empty() || taken_ >= bytes_max_) return;
      resume = std::move(waiting_.front());
      waiting_.pop_front();
    }
    resume();
  }
}

void ByteBudget::when_room(UniqueFunction<void()> resume) {
  {
    const MutexLock lock(mutex_);
    if (taken_ >= bytes_max_) {
      waiting_.push_back(std::move(resume));
      return;
    }
  }
  resume();
}

std::uint64_t ByteBudget::taken() const {
  const MutexLock lock(mutex_);
  return taken_;
}

}  // namespace millrace::edge
