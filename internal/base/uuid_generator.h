// Makes version 7 UUIDs: RFC 9562, 6.2, method 1, with a 20-bit counter in front of 54 random bits.
//
//   48 bits Unix ms | version | 12 bits counter, high | variant | 8 bits counter, low | 54 random
//
// The counter starts at a random 19-bit value each millisecond, so two generators hardly ever stand
// at the same place in the same millisecond, and when they do 54 fresh random bits decide: for
// equal rates that is as unlikely a collision as with 73 random bits.
#pragma once

#include <cstdint>
#include <random>

#include "base/uuid.h"

namespace millrace {

// Not thread-safe: one per thread. A copy (fork() included) would repeat its ids.
class UuidGenerator {
 public:
  explicit UuidGenerator(std::mt19937_64 random) : random_(random) {}

  // Greater than every id before, also when `unix_ms` steps back: then, as when the counter runs
  // out within one millisecond, the id's time runs ahead of the clock.
  Uuid next(std::int64_t unix_ms);

 private:
  static constexpr int kCounterBits = 20;

  void start_millisecond(std::uint64_t ms);

  std::mt19937_64 random_;
  std::uint64_t ms_ = 0;
  std::uint64_t counter_ = 0;
};

}  // namespace millrace
