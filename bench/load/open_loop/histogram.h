// Durations counted in cells that grow with the value, so that three significant digits of any
// percentile are kept in a fixed memory and an entry costs a few nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace millrace::load {

// Cells are exact up to 2047 ns; above, each power of two has 1024 of them, so a cell is narrower
// than a thousandth of its values. Not thread-safe.
class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;
  // What is longer is counted as this long; max() still has it right.
  static constexpr Duration kLongest = std::chrono::minutes(2);

  Histogram();

  // A negative value is counted as none.
  void add(Duration value);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Duration max() const { return max_; }

  // The value that `share` of the entries (0 to 1) don't exceed: the upper end of its cell, never
  // more than max(). 0 when there are no entries.
  [[nodiscard]] Duration percentile(double share) const;

 private:
  std::vector<std::uint64_t> cells_;
  std::uint64_t count_ = 0;
  Duration max_{0};
};

}  // namespace millrace::load
