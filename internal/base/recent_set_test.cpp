#include "base/recent_set.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

namespace millrace {
namespace {

using std::chrono::seconds;

RecentKey key(std::size_t number) { return RecentKey::of("id-" + std::to_string(number)); }

Time at(int second) { return Time{} + std::chrono::hours(1) + seconds(second); }

TEST_CASE("a key is its text and its number") {
  CHECK(RecentKey::of("a") == RecentKey::of("a"));
  CHECK(RecentKey::of("a") != RecentKey::of("b"));
  CHECK(RecentKey::of("a", 1) != RecentKey::of("a"));
  CHECK(RecentKey::of("a", 1) == RecentKey::of("a", 1));
  CHECK(RecentKey::of("") != RecentKey{});
}

TEST_CASE("what was added is remembered for a window, and not for more than two") {
  RecentSet set(1000, seconds(10));
  CHECK_FALSE(set.contains(key(1), at(0)));
  set.add(key(1), at(0));
  set.add(key(1), at(0));
  CHECK(set.size() == 1);
  for (const int second : {0, 5, 9, 10}) CHECK(set.contains(key(1), at(second)));
  CHECK_FALSE(set.contains(key(2), at(10)));
  set.add(key(2), at(19));
  CHECK_FALSE(set.contains(key(1), at(21)));
  CHECK(set.contains(key(2), at(29)));
  CHECK_FALSE(set.contains(key(2), at(60)));
  CHECK(set.size() == 0);
}

TEST_CASE("the set is bounded, and its newest half stays") {
  constexpr std::size_t kMax = 1000;
  RecentSet set(kMax, seconds(10));
  for (std::size_t i = 0; i < 10 * kMax; ++i) {
    set.add(key(i), at(0));
    REQUIRE(set.size() <= kMax);
    REQUIRE(set.contains(key(i), at(0)));
  }
  for (std::size_t i = 10 * kMax - kMax / 2; i < 10 * kMax; ++i) {
    REQUIRE(set.contains(key(i), at(0)));
  }
  CHECK_FALSE(set.contains(key(0), at(0)));
}

TEST_CASE("a million keys take less than 32 MB, none hides another, and a quiet time frees them") {
  RecentSet set(1'000'000, seconds(10));
  for (std::size_t i = 0; i < 900'000; ++i) {
    REQUIRE_FALSE(set.contains(key(i), at(0)));
    set.add(key(i), at(0));
  }
  CHECK(set.size() == 900'000);
  CHECK(set.memory() < 32'000'000);
  CHECK_FALSE(set.contains(key(0), at(100)));
  set.add(key(0), at(100));
  CHECK_FALSE(set.contains(key(0), at(200)));
  CHECK(set.memory() < 1'000'000);
}

TEST_CASE("a window of no time remembers nothing") {
  RecentSet set(1000, seconds(0));
  set.add(key(1), at(0));
  CHECK_FALSE(set.contains(key(1), at(0)));
}

}  // namespace
}  // namespace millrace
