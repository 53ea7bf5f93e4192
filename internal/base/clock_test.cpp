#include "base/clock.h"

#include <catch2/catch.hpp>

namespace millrace {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a manual clock moves only when told, both of its hands together") {
  ManualClock clock(1'000'000);
  const Time start = clock.now();
  CHECK(clock.now() == start);
  CHECK(clock.unix_ms() == 1'000'000);
  clock.advance(1500ms);
  CHECK(clock.now() - start == 1500ms);
  CHECK(clock.unix_ms() == 1'001'500);
  CHECK(clock.unix_seconds() == 1001);
  clock.advance(999'999ns);
  CHECK(clock.unix_ms() == 1'001'500);
  clock.advance(1ns);
  CHECK(clock.unix_ms() == 1'001'501);
}

TEST_CASE("the system clock tells the time in Unix milliseconds") {
  const Clock& clock = system_clock();
  CHECK(&clock == &system_clock());
  const Time before = clock.now();
  CHECK(clock.now() >= before);
  // Between 2020 and 2100: in milliseconds, not seconds or microseconds.
  CHECK(clock.unix_ms() > 1'577'836'800'000);
  CHECK(clock.unix_ms() < 4'102'444'800'000);
}

}  // namespace
}  // namespace millrace
