#include "base/recent_set.h"

#include <algorithm>
#include <bit>
#include <random>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace {
namespace {

constexpr std::size_t kSlotsFirst = 64;

std::uint64_t process_seed() {
  static const std::uint64_t seed = [] {
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
  }();
  return seed;
}

}  // namespace

RecentKey RecentKey::of(std::string_view text, std::uint64_t number) {
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(text.data(), text.size(), process_seed() ^ number);
  RecentKey key{{static_cast<std::uint32_t>(hash.low64),
                 static_cast<std::uint32_t>(hash.low64 >> 32),
                 static_cast<std::uint32_t>(hash.high64)}};
  if (key == RecentKey{}) key.words[2] = 1;  // all zeros means empty
  return key;
}

std::size_t RecentSet::Table::find(const RecentKey& key) const {
  const std::size_t mask = slots.size() - 1;
  std::size_t at = home(key);
  while (slots[at] != RecentKey{} && slots[at] != key) at = (at + 1) & mask;
  return at;
}

bool RecentSet::Table::contains(const RecentKey& key) const {
  return size > 0 && slots[find(key)] == key;
}

void RecentSet::Table::add(const RecentKey& key) {
  if (3 * (size + 1) > 2 * slots.size()) grow();
  RecentKey& slot = slots[find(key)];
  if (slot == key) return;
  slot = key;
  ++size;
}

void RecentSet::Table::grow() {
  std::vector<RecentKey> old(slots.empty() ? kSlotsFirst : 2 * slots.size());
  old.swap(slots);
  for (const RecentKey& key : old) {
    if (key != RecentKey{}) slots[find(key)] = key;
  }
}

// Memory that a quiet time doesn't need goes back; what is needed again isn't fetched anew.
void RecentSet::Table::clear() {
  const std::size_t wanted = size == 0 ? 0 : std::bit_ceil(std::max(2 * size, kSlotsFirst));
  if (wanted == slots.size()) {
    std::fill(slots.begin(), slots.end(), RecentKey{});
  } else {
    slots = std::vector<RecentKey>(wanted);
  }
  size = 0;
}

void RecentSet::take_turns(Time now) {
  auto& [younger, older] = tables_;
  if (now - began_ >= 2 * window_) {
    younger.clear();
    older.clear();
  } else if (now - began_ >= window_ || younger.size >= half_) {
    older.clear();
    std::swap(younger, older);
  } else {
    return;
  }
  began_ = now;
}

void RecentSet::add(const RecentKey& key, Time now) {
  take_turns(now);
  tables_[0].add(key);
}

bool RecentSet::contains(const RecentKey& key, Time now) {
  take_turns(now);
  return tables_[0].contains(key) || tables_[1].contains(key);
}

std::size_t RecentSet::memory() const {
  return (tables_[0].slots.capacity() + tables_[1].slots.capacity()) * sizeof(RecentKey);
}

}  // namespace millrace
