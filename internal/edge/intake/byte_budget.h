// How many bytes of messages all calls together may hold: beyond it streams wait for each other,
// and single calls are told so.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>

#include "base/thread_annotations.h"
#include "base/unique_function.h"

namespace millrace::edge {

// Thread-safe. It may be exceeded by what was taken last.
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // False, and nothing is taken, when there is no room or others wait for it.
  [[nodiscard]] bool try_take(std::uint64_t bytes);
  // Takes them and runs `go`, once: within a later give(), first come first served, or here when
  // there is room by now.
  void take_later(std::uint64_t bytes, UniqueFunction<void()> go) EXCLUDES(mutex_);
  // Of something that is there already and turned out to be larger.
  void take_more(std::uint64_t bytes) { taken_ += bytes; }
  void give(std::uint64_t bytes) EXCLUDES(mutex_);

  [[nodiscard]] std::uint64_t taken() const { return taken_; }

 private:
  struct Waiter {
    std::uint64_t bytes;
    UniqueFunction<void()> go;
  };

  // By one thread at a time, and never within itself: who is let in may give back at once.
  void let_in() EXCLUDES(mutex_);

  const std::uint64_t bytes_max_;
  // Both sequentially consistent: who begins to wait is counted before it looks for room, who gives
  // gives before it looks who waits, so one of them sees the other.
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::size_t> waiting_count_{0};
  Mutex mutex_;
  std::deque<Waiter> waiting_ GUARDED_BY(mutex_);
  bool letting_in_ GUARDED_BY(mutex_) = false;
};

}  // namespace millrace::edge
