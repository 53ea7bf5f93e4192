// Metrics: counted in shards, one per thread, and summed when somebody asks. The text format is
// prometheus-cpp's; the shards are ours because a contended atomic costs more than the work it
// counts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace millrace::observe {

// Values come from closed sets (a route's name, never a URL).
using Labels = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t kShards = 16;

// The calling thread's shard, 0 to kShards - 1; given out round robin.
std::size_t shard_index() noexcept;

// Thread-safe; an add is one uncontended atomic add.
class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    shards_[shard_index()].value.fetch_add(n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept;

 private:
  struct alignas(64) Shard {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Shard, kShards> shards_;
};

// Counts values in buckets given at its making. Thread-safe.
class Histogram {
 public:
  // `bounds` are inclusive upper bounds, ascending, at most 31; +Inf is added.
  explicit Histogram(std::vector<double> bounds);

  void observe(double value) noexcept { observe(value, 1); }
  // The same value `times` times: one call for a batch.
  void observe(double value, std::uint64_t times) noexcept;

  struct Snapshot {
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;  // per bucket, not cumulative; one more than bounds
    double sum = 0;
    std::uint64_t count = 0;
  };
  [[nodiscard]] Snapshot snapshot() const;

 private:
  friend class Tally;
  static constexpr std::size_t kBucketsMax = 32;
  [[nodiscard]] std::size_t bucket_of(double value) const noexcept;
  struct alignas(64) Shard {
    std::array<std::atomic<std::uint64_t>, kBucketsMax> counts{};
    std::atomic<double> sum{0};
  };
  const std::vector<double> bounds_;
  std::array<Shard, kShards> shards_;
};

// What one thread observes, kept back until flush(): for what is observed too often to pay for two
// atomic adds each time. Not thread-safe.
class Tally {
 public:
  explicit Tally(Histogram& histogram) : histogram_(histogram) {}
  ~Tally() { flush(); }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  void observe(double value) noexcept;
  // The histogram has it now.
  void flush() noexcept;

 private:
  Histogram& histogram_;
  std::array<std::uint64_t, Histogram::kBucketsMax> counts_{};
  double sum_ = 0;
};

// Bounds for durations in seconds (50 µs to 10 s) and for sizes of batches (1 to 4096).
std::vector<double> duration_bounds_s();
std::vector<double> batch_size_bounds();

// Owns the process's metrics. Registering takes a lock; counting doesn't. What it returns lives as
// long as the registry. Names follow Prometheus's rules (units last, counters end in _total); the
// same name must always come with the same help and kind, and each label set once: anything else
// throws std::logic_error, at start-up.
class Registry {
 public:
  Registry();
  ~Registry();

  Counter& counter(const std::string& name, const std::string& help, Labels labels = {});
  Histogram& histogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                       Labels labels = {});
  // Read when somebody asks, on the asking thread; must not block and outlive the registry.
  void gauge(const std::string& name, const std::string& help, std::function<double()> read,
             Labels labels = {});
  void counter_from(const std::string& name, const std::string& help, std::function<double()> read,
                    Labels labels = {});

  // The Prometheus text format, version 0.0.4. Thread-safe.
  [[nodiscard]] std::string expose() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds,
// process_start_time_seconds, process_threads from /proc, millrace_memory_limit_bytes, and
// millrace_build_info.
void register_process_metrics(Registry& registry, std::string_view service);

}  // namespace millrace::observe
