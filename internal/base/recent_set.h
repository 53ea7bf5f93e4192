// Remembers what was seen lately, in bounded memory: 12 bytes for each, and what an open table
// needs of air.
//
// Two tables take turns. What is added goes into the younger one; when that is a window old, or
// holds half of what is allowed, the older one is emptied and becomes the younger. So a key is
// remembered for one to two windows, unless more than half of `max` come in a window; then for as
// long as that half takes to come again.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace millrace {

// A fingerprint of 96 bits: among a million keys, one in 10^22 is taken for another by accident.
struct RecentKey {
  std::uint32_t words[3] = {};

  // XXH3 (https://github.com/Cyan4973/xxHash) with a seed of this process, so that nobody outside
  // can aim at a collision.
  static RecentKey of(std::string_view text, std::uint64_t number = 0);

  friend bool operator==(const RecentKey&, const RecentKey&) = default;
};

struct RecentKeyHash {
  std::size_t operator()(const RecentKey& key) const noexcept {
    return key.words[0] | std::size_t{key.words[1]} << 32;
  }
};

// Not thread-safe.
class RecentSet {
 public:
  // At most `max` keys, at least 2; none for longer than two windows.
  RecentSet(std::size_t max, Duration window) : half_(max / 2), window_(window) {}

  void add(const RecentKey& key, Time now);
  [[nodiscard]] bool contains(const RecentKey& key, Time now);
  // Has the processor fetch what the two above will look at: to be called for all keys of a batch
  // first, so that their cache misses overlap.
  void prefetch(const RecentKey& key) const {
    for (const Table& table : tables_) table.prefetch(key);
  }

  [[nodiscard]] std::size_t size() const { return tables_[0].size + tables_[1].size; }
  // Of the tables, in bytes.
  [[nodiscard]] std::size_t memory() const;

 private:
  // Open addressing, linear probing; an all-zero slot is empty.
  struct Table {
    std::vector<RecentKey> slots;
    std::size_t size = 0;

    [[nodiscard]] bool contains(const RecentKey& key) const;
    void add(const RecentKey& key);
    void clear();
    void prefetch(const RecentKey& key) const {
      if (size > 0) __builtin_prefetch(&slots[home(key)]);
    }

   private:
    [[nodiscard]] std::size_t home(const RecentKey& key) const {
      return RecentKeyHash{}(key) & (slots.size() - 1);
    }
    [[nodiscard]] std::size_t find(const RecentKey& key) const;
    void grow();
  };

  void take_turns(Time now);

  const std::size_t half_;
  const Duration window_;
  std::array<Table, 2> tables_;  // the younger one is first
  Time began_{};
};

}  // namespace millrace
