#include "worker/ownership.h"

#include <catch2/catch.hpp>
#include <thread>

namespace millrace::worker {
namespace {

TEST_CASE("Ownership: a batch can be taken only while it is lent") {
  Ownership ownership;
  CHECK_FALSE(ownership.take());
  ownership.lend();
  CHECK(ownership.reclaim());
  CHECK_FALSE(ownership.take());
  ownership.lend();
  REQUIRE(ownership.take());
  ownership.hand_back();
  CHECK(ownership.reclaim());
}

TEST_CASE("Ownership: what is kept is gone for the worker and for other visitors") {
  Ownership ownership;
  ownership.lend();
  REQUIRE(ownership.take());
  ownership.keep();
  CHECK_FALSE(ownership.reclaim());
  CHECK_FALSE(ownership.take());
}

// The numbers are plain on purpose: under the tsan preset this is the proof of the memory orders.
TEST_CASE("Ownership: one at a time, between a worker and two visitors") {
  constexpr int kRounds = 2'000;
  Ownership ownership;
  long touched = 0;
  long by_visitors = 0;
  {
    std::atomic<bool> done{false};
    const auto visit = [&] {
      while (!done.load()) {
        if (ownership.take()) {
          ++touched;
          ++by_visitors;
          ownership.hand_back();
        }
        std::this_thread::yield();  // on one busy core the others must get on
      }
    };
    std::jthread first(visit);
    std::jthread second(visit);
    for (int i = 0; i < kRounds; ++i) {
      ++touched;
      ownership.lend();
      std::this_thread::yield();
      REQUIRE(ownership.reclaim());
    }
    done = true;
  }
  CHECK(touched == kRounds + by_visitors);
}

}  // namespace
}  // namespace millrace::worker
