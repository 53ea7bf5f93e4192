// How many bytes of messages all calls together may hold: beyond it streams wait for each other,
// and single calls are told so.
#pragma once

#include <cstdint>
#include <deque>

#include "base/thread_annotations.h"
#include "base/unique_function.h"

namespace millrace::edge {

// Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // Always: what a stream has read is there. It is its next reading that waits.
  void take(std::uint64_t bytes) EXCLUDES(mutex_);
  // False, and nothing is taken, when there is no room any more.
  [[nodiscard]] bool try_take(std::uint64_t bytes) EXCLUDES(mutex_);
  // Runs those who waited, first come first served, as long as there is room.
  void give(std::uint64_t bytes) EXCLUDES(mutex_);

  // Runs `resume` once: here when there is room, otherwise within a later give().
  void when_room(UniqueFunction<void()> resume) EXCLUDES(mutex_);

  [[nodiscard]] std::uint64_t taken() const EXCLUDES(mutex_);

 private:
  const std::uint64_t bytes_max_;
  mutable Mutex mutex_;
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;
  std::deque<UniqueFunction<void()>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace millrace::edge
