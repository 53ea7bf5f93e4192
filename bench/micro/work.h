// A microsecond of work, by what this machine does in one.
#pragma once

#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdint>

namespace millrace::bench {

inline void compute(std::uint64_t rounds) {
  std::uint64_t value = rounds;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    value = value * 6364136223846793005U + 1442695040888963407U;
    benchmark::DoNotOptimize(value);
  }
}

// How many rounds of compute() take a microsecond: of the best of some tries, because an
// interrupted one says too little.
inline std::uint64_t rounds_per_us() {
  static const std::uint64_t found = [] {
    constexpr std::uint64_t kRounds = 100'000;
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      compute(kRounds);
      const std::chrono::duration<double, std::micro> took =
          std::chrono::steady_clock::now() - begin;
      best = std::min(best, took.count());
    }
    return static_cast<std::uint64_t>(static_cast<double>(kRounds) / best);
  }();
  return found;
}

}  // namespace millrace::bench
