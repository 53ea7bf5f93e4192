// What the server doesn't know of the messages that we gave back to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>

#include "base/clock.h"

namespace millrace::queue {

// By stream sequence, and bounded: what it has forgotten counts as never noted. Not thread-safe.
class NatsHistory {
 public:
  static constexpr std::size_t kMax = 100'000;
  static constexpr std::chrono::hours kKept{1};

  // A delivery that doesn't count as an attempt.
  void note_unhandled(std::uint64_t sequence, Time now) {
    if (Entry* entry = find_or_add(sequence, now)) ++entry->unhandled;
  }
  void note_failed(std::uint64_t sequence, Time now, std::int64_t now_unix_ms) {
    Entry* entry = find_or_add(sequence, now);
    if (entry != nullptr && entry->first_failed_ms == 0) entry->first_failed_ms = now_unix_ms;
  }
  void forget(std::uint64_t sequence) { entries_.erase(sequence); }
  // Others may have settled what came back to the server long ago.
  void forget_older(Time now) {
    std::erase_if(entries_, [&](const auto& entry) { return now - entry.second.noted > kKept; });
  }

  // Which attempt the server's `delivered`-th delivery (from 1) is.
  [[nodiscard]] std::uint32_t attempt(std::uint64_t sequence, std::uint64_t delivered) const {
    const auto found = entries_.find(sequence);
    const std::uint64_t unhandled = found == entries_.end() ? 0 : found->second.unhandled;
    return static_cast<std::uint32_t>(unhandled < delivered ? delivered - unhandled : 1);
  }
  // Unix time; 0: not known.
  [[nodiscard]] std::int64_t first_failed_ms(std::uint64_t sequence) const {
    const auto found = entries_.find(sequence);
    return found == entries_.end() ? 0 : found->second.first_failed_ms;
  }

 private:
  struct Entry {
    std::uint64_t unhandled = 0;
    std::int64_t first_failed_ms = 0;
    Time noted;
  };

  Entry* find_or_add(std::uint64_t sequence, Time now) {
    const auto found = entries_.find(sequence);
    if (found == entries_.end() && entries_.size() >= kMax) return nullptr;
    Entry& entry = found == entries_.end() ? entries_[sequence] : found->second;
    entry.noted = now;
    return &entry;
  }

  std::unordered_map<std::uint64_t, Entry> entries_;
};

}  // namespace millrace::queue
