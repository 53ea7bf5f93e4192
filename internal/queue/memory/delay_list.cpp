#include "queue/memory/delay_list.h"

namespace millrace::queue {

static_assert(std::atomic<Time>::is_always_lock_free);

bool DelayList::push(QueuedMessage&& message, Time due) {
  const MutexLock lock(mutex_);
  const std::uint64_t order = next_order_++;
  heap_.push_back({due, order, std::move(message)});
  std::push_heap(heap_.begin(), heap_.end(), Later{});
  update_snapshot();
  return heap_.front().order == order;
}

void DelayList::make_all_due() {
  const MutexLock lock(mutex_);
  all_due_ = true;
  update_snapshot();
}

void DelayList::update_snapshot() {
  next_due_.store(heap_.empty() ? Time::max() : due_of_first(), std::memory_order_relaxed);
  size_.store(heap_.size(), std::memory_order_relaxed);
}

}  // namespace millrace::queue
