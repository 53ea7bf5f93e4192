#include "worker/backoff.h"

#include <catch2/catch.hpp>

namespace millrace::worker {
namespace {

using namespace std::chrono_literals;

TEST_CASE("Backoff doubles up to its cap") {
  const Backoff backoff{100ms, 10s};
  CHECK(backoff.bound(0) == 100ms);
  CHECK(backoff.bound(1) == 100ms);
  CHECK(backoff.bound(2) == 200ms);
  CHECK(backoff.bound(7) == 6400ms);
  CHECK(backoff.bound(8) == 10s);
  CHECK(backoff.bound(4'000'000'000U) == 10s);
  CHECK(Backoff{20s, 10s}.bound(1) == 10s);
}

TEST_CASE("Backoff with full jitter spreads over all of zero to the bound") {
  const Backoff backoff{100ms, 10s};
  std::minstd_rand random(42);
  Duration least = 1h;
  Duration most{};
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = backoff.jittered(3, random);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  CHECK(least >= 0ms);
  CHECK(most <= 400ms);
  CHECK(least < 20ms);
  CHECK(most > 380ms);
}

}  // namespace
}  // namespace millrace::worker
