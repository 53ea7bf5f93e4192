#include <benchmark/benchmark.h>

#include "base/uuid.h"

namespace millrace {
namespace {

void uuid_v7(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Uuid::v7());
  state.SetItemsProcessed(state.iterations());
}

void uuid_v7_with_chars(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Uuid::v7().chars());
  state.SetItemsProcessed(state.iterations());
}

void uuid_parse(benchmark::State& state) {
  const std::string text = Uuid::v7().text();
  for (auto _ : state) benchmark::DoNotOptimize(Uuid::parse(text));
  state.SetItemsProcessed(state.iterations());
}

void uuid_derived(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Uuid::derived("orders", "6f1c-key-of-a-client"));
  state.SetItemsProcessed(state.iterations());
}

// Real time: items per second are ids per wall second.
BENCHMARK(uuid_v7)->UseRealTime()->ThreadRange(1, 2);
BENCHMARK(uuid_v7_with_chars)->UseRealTime();
BENCHMARK(uuid_parse)->UseRealTime();
BENCHMARK(uuid_derived)->UseRealTime();

}  // namespace
}  // namespace millrace
