// A sink that a test can cork (writes wait) or break (writes fail), and that remembers what it
// took.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "diplom/v1/diplom.pb.h"
#include "sink/sink.h"

namespace millrace::fakes {

// Thread-safe.
class CorkedSink final : public sink::Sink {
 public:
  Status write(std::span<const diplom::v1::ProcessingResult> results) override {
    std::unique_lock lock(mutex_);
    ++attempts_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !corked_; });
    if (broken_) return {Code::unavailable, "the sink is broken"};
    taken_.insert(taken_.end(), results.begin(), results.end());
    changed_.notify_all();
    return {};
  }
  Status flush() override { return {}; }

  void cork() { set(corked_, true); }
  void uncork() { set(corked_, false); }
  void break_it() { set(broken_, true); }
  void repair() { set(broken_, false); }

  // Until so many writes have been begun.
  [[nodiscard]] bool wait_for_attempts(std::size_t count,
                                       Duration time = std::chrono::seconds(20)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return attempts_ >= count; });
  }
  [[nodiscard]] std::vector<diplom::v1::ProcessingResult> taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  void set(bool& flag, bool value) {
    const std::lock_guard lock(mutex_);
    flag = value;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<diplom::v1::ProcessingResult> taken_;
  std::size_t attempts_ = 0;
  bool corked_ = false;
  bool broken_ = false;
};

}  // namespace millrace::fakes
