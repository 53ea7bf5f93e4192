#include "queue/kafka/offset_tracker.h"

#include <algorithm>

namespace millrace::queue {

void OffsetTracker::settle(std::int64_t offset) {
  const auto found = std::lower_bound(
      offsets_.begin(), offsets_.end(), offset,
      [](const Entry& entry, std::int64_t wanted) { return entry.offset < wanted; });
  found->settled = true;
  while (!offsets_.empty() && offsets_.front().settled) {
    position_ = offsets_.front().offset + 1;
    taken_ = false;
    offsets_.pop_front();
  }
}

std::optional<std::int64_t> OffsetTracker::take_position() {
  if (taken_) return std::nullopt;
  taken_ = true;
  return position_;
}

}  // namespace millrace::queue
