// Which records of a compacted topic are the latest of their keys, and no tombstones.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace millrace::queue {

// Not thread-safe. About 150 bytes for each record that it knows.
class LetterIndex {
 public:
  // The next record of the topic, in the order of the offsets.
  void add(std::int64_t offset, std::string_view key, bool is_tombstone) {
    const auto known = offsets_.find(std::string(key));
    if (known != offsets_.end()) {
      keys_.erase(known->second);
      offsets_.erase(known);
    }
    if (is_tombstone) return;
    offsets_.emplace(key, offset);
    keys_.emplace(offset, key);
  }

  // Up to `max` offsets below `below`, newest first.
  [[nodiscard]] std::vector<std::int64_t> newest(std::int64_t below, std::size_t max) const {
    std::vector<std::int64_t> found;
    for (auto at = keys_.lower_bound(below); at != keys_.begin() && found.size() < max;) {
      found.push_back((--at)->first);
    }
    return found;
  }
  [[nodiscard]] bool any_below(std::int64_t offset) const {
    return !keys_.empty() && keys_.begin()->first < offset;
  }

 private:
  std::map<std::int64_t, std::string> keys_;
  std::unordered_map<std::string, std::int64_t> offsets_;
};

}  // namespace millrace::queue
