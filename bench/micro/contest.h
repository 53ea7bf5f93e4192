// What the suites share: a benchmark is a contestant under a subject, and what it measures is wall
// time per item. results.py reads the names, the item and the counters made here.
#pragma once

#include <benchmark/benchmark.h>
#include <chrono>
#include <string>

namespace millrace::bench {

// The name our own contestant has in every suite.
inline constexpr const char* kOurs = "millrace";

// Each suite's: called once, before anything runs.
void register_contests();

// Neither name may have a slash in it. Wall time: what other threads do is part of it.
template <class Run>
benchmark::internal::Benchmark* contest(const std::string& subject, const std::string& contestant,
                                        Run run) {
  return benchmark::RegisterBenchmark((subject + "/" + contestant).c_str(), run)->UseRealTime();
}

// The same of a `run` that sets each iteration's wall time itself.
template <class Run>
benchmark::internal::Benchmark* timed_contest(const std::string& subject,
                                              const std::string& contestant, Run run) {
  return benchmark::RegisterBenchmark((subject + "/" + contestant).c_str(), run)->UseManualTime();
}

// `item`: one of what the time is divided by ("message").
inline void count_items(benchmark::State& state, std::size_t per_iteration, const char* item) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(per_iteration));
  state.SetLabel(item);
}

// A figure that isn't a time per item: "p99", "us".
inline void measure(benchmark::State& state, const std::string& name, const std::string& unit,
                    double value) {
  state.counters[name + " [" + unit + "]"] = value;
}

inline double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace millrace::bench
