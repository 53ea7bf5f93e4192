#include "histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace::load {
namespace {

constexpr std::uint64_t kExact = 2048;
constexpr std::uint64_t kPerPower = kExact / 2;
constexpr int kExactBits = 11;

std::size_t cell_of(std::uint64_t ns) {
  if (ns < kExact) return ns;
  const int shift = static_cast<int>(std::bit_width(ns)) - kExactBits;
  return static_cast<std::size_t>(shift) * kPerPower + (ns >> shift);
}

// The greatest value of a cell.
std::uint64_t upper_end(std::size_t cell) {
  if (cell < kExact) return cell;
  const auto shift = static_cast<int>(cell / kPerPower) - 1;
  const std::uint64_t leading = cell % kPerPower + kPerPower;
  return ((leading + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : cells_(cell_of(static_cast<std::uint64_t>(kLongest.count())) + 1) {}

void Histogram::add(Duration value) {
  value = std::max(value, Duration::zero());
  max_ = std::max(max_, value);
  ++cells_[cell_of(static_cast<std::uint64_t>(std::min(value, kLongest).count()))];
  ++count_;
}

Histogram::Duration Histogram::percentile(double share) const {
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  const std::uint64_t wanted =
      std::clamp<std::uint64_t>(rank, 1, std::max<std::uint64_t>(count_, 1));
  std::uint64_t seen = 0;
  for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
    seen += cells_[cell];
    if (seen < wanted) continue;
    // The last cell also has what was longer.
    if (cell + 1 == cells_.size()) return max_;
    return std::min(max_, Duration(static_cast<Duration::rep>(upper_end(cell))));
  }
  return Duration::zero();
}

}  // namespace millrace::load
