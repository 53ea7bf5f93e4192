// Which offsets of a partition are settled, whatever the order they were settled in, and how far
// the consumer group may be told that they are: up to the first that isn't.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace millrace::queue {

// Not thread-safe.
class OffsetTracker {
 public:
  // Handed out, in ascending order; some offsets may be missing in between.
  void add(std::int64_t offset) { offsets_.push_back({offset}); }

  // Requires an offset that was added and isn't settled.
  void settle(std::int64_t offset);

  // Where to go on after a restart: behind the settled prefix. Nothing when it hasn't moved since
  // it was taken last.
  std::optional<std::int64_t> take_position();
  // Takes the last take_position() back.
  void offer_again() { taken_ = false; }

 private:
  struct Entry {
    std::int64_t offset;
    bool settled = false;
  };

  std::deque<Entry> offsets_;  // from the first unsettled on
  std::optional<std::int64_t> position_;
  bool taken_ = false;
};

}  // namespace millrace::queue
