// Dead letters kept in memory; a test can break them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "queue/dead_letters.h"

namespace millrace::fakes {

// Thread-safe.
class KeptDeadLetters final : public queue::DeadLetters {
 public:
  struct Kept {
    std::string id;
    std::string reason;
    std::uint32_t attempts;
  };

  Status write(std::span<const queue::DeadLetter> letters) override {
    const std::lock_guard lock(mutex_);
    ++attempts_;
    changed_.notify_all();
    if (broken_) return {Code::unavailable, "the dead letters are broken"};
    for (const auto& letter : letters) {
      kept_.push_back({std::string(letter.id), std::string(letter.reason), letter.attempts});
    }
    return {};
  }
  Result<queue::DeadLetterPage> list(std::string_view, std::size_t) override {
    return queue::DeadLetterPage();
  }
  Status mark_replayed(std::span<const std::string>) override { return {}; }

  void break_it() { set(true); }
  void repair() { set(false); }

  [[nodiscard]] bool wait_for_attempts(std::size_t count,
                                       Duration time = std::chrono::seconds(20)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return attempts_ >= count; });
  }
  [[nodiscard]] std::vector<Kept> kept() const {
    const std::lock_guard lock(mutex_);
    return kept_;
  }

 private:
  void set(bool broken) {
    const std::lock_guard lock(mutex_);
    broken_ = broken;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Kept> kept_;
  std::size_t attempts_ = 0;
  bool broken_ = false;
};

}  // namespace millrace::fakes
