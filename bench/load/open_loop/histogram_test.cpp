#include "histogram.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

namespace millrace::load {
namespace {

using std::chrono::nanoseconds;

TEST_CASE("a histogram without entries has no percentiles") {
  const Histogram empty;
  CHECK(empty.count() == 0);
  CHECK(empty.percentile(0.99).count() == 0);
  CHECK(empty.max().count() == 0);
}

TEST_CASE("each value is its own percentile to a thousandth, at every power of two") {
  for (std::int64_t power = 1; power < Histogram::kLongest.count(); power *= 2) {
    for (const std::int64_t value : {power - 1, power, power + 1, power + power / 3}) {
      if (value > Histogram::kLongest.count()) continue;
      Histogram one;
      one.add(nanoseconds(value));
      one.add(std::chrono::hours(1));  // else the greatest value would bound the answer
      const auto found = one.percentile(0.5).count();
      CHECK(found >= value);
      CHECK(static_cast<double>(found - value) <= static_cast<double>(value) / 1000);
    }
  }
}

TEST_CASE("percentiles are those of the sorted values, to a thousandth") {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latencies(11, 2);
  std::vector<std::int64_t> values(50'001);
  Histogram histogram;
  for (auto& value : values) {
    value = static_cast<std::int64_t>(latencies(random));
    histogram.add(nanoseconds(value));
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 50'001));
    const auto exact = values[std::max<std::size_t>(rank, 1) - 1];
    INFO("share " << share);
    CHECK(std::abs(static_cast<double>(histogram.percentile(share).count() - exact)) <=
          static_cast<double>(exact) / 1000);
  }
  CHECK(histogram.max().count() == values.back());
}

TEST_CASE("what is out of range is still counted, and the maximum is right") {
  Histogram histogram;
  histogram.add(nanoseconds(-5));
  histogram.add(std::chrono::hours(1));
  CHECK(histogram.count() == 2);
  CHECK(histogram.percentile(0.5).count() == 0);
  CHECK(histogram.percentile(1) == std::chrono::hours(1));
}

}  // namespace
}  // namespace millrace::load
