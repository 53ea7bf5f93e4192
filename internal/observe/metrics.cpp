#include "observe/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sstream>
#include <stdexcept>

#include "base/thread_annotations.h"

namespace millrace::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw std::logic_error("metric '" + name + "': " + why);
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_identifier(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

void check_name(const std::string& name, const std::string& help, MetricType type) {
  if (!is_identifier(name)) refuse(name, "a name is letters, digits and _");
  if (help.empty() || help.find('\n') != help.npos) refuse(name, "needs a help text of one line");
  if (name.ends_with("_total") != (type == MetricType::Counter)) {
    refuse(name, "counters end in _total, nothing else does");
  }
}

// Sorted, so that the order in which labels were written doesn't make a second series.
Labels checked_labels(const std::string& name, Labels labels) {
  std::sort(labels.begin(), labels.end());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string& key = labels[i].first;
    if (!is_identifier(key) || key.starts_with("__") || key == "le") {
      refuse(name, "'" + key + "' can't be a label");
    }
    if (i > 0 && labels[i - 1].first == key) refuse(name, "label '" + key + "' given twice");
  }
  return labels;
}

ClientMetric::Histogram to_prometheus(const Histogram::Snapshot& snapshot) {
  ClientMetric::Histogram result;
  result.sample_count = snapshot.count;
  result.sample_sum = snapshot.sum;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < snapshot.counts.size(); ++i) {
    cumulative += snapshot.counts[i];
    const double bound =
        i < snapshot.bounds.size() ? snapshot.bounds[i] : std::numeric_limits<double>::infinity();
    result.bucket.push_back({cumulative, bound});
  }
  return result;
}

}  // namespace

std::size_t shard_index() noexcept {
  static std::atomic<std::size_t> next{0};
  // A sentinel instead of an initialiser spares the guard of a dynamic thread_local on each call.
  thread_local std::size_t index = kShards;
  if (index == kShards) index = next.fetch_add(1, std::memory_order_relaxed) % kShards;
  return index;
}

std::uint64_t Counter::value() const noexcept {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.value.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)) {
  if (bounds_.size() >= kBucketsMax) throw std::logic_error("histogram: more than 31 bounds");
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    if (!std::isfinite(bounds_[i]) || (i > 0 && bounds_[i] <= bounds_[i - 1])) {
      throw std::logic_error("histogram: bounds must be finite and ascending");
    }
  }
}

void Histogram::observe(double value, std::uint64_t times) noexcept {
  // Not a number belongs in no bucket and would spoil the sum for good.
  if (std::isnan(value) || times == 0) return;
  Shard& shard = shards_[shard_index()];
  shard.counts[bucket_of(value)].fetch_add(times, std::memory_order_relaxed);
  shard.sum.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
}

std::size_t Histogram::bucket_of(double value) const noexcept {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  return static_cast<std::size_t>(bucket - bounds_.begin());
}

void Tally::observe(double value) noexcept {
  if (std::isnan(value)) return;
  ++counts_[histogram_.bucket_of(value)];
  sum_ += value;
}

void Tally::flush() noexcept {
  Histogram::Shard& shard = histogram_.shards_[shard_index()];
  for (std::size_t i = 0; i <= histogram_.bounds_.size(); ++i) {
    if (counts_[i] == 0) continue;
    shard.counts[i].fetch_add(std::exchange(counts_[i], 0), std::memory_order_relaxed);
  }
  if (sum_ != 0) shard.sum.fetch_add(std::exchange(sum_, 0), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot result;
  result.bounds = bounds_;
  result.counts.resize(bounds_.size() + 1);
  for (const Shard& shard : shards_) {
    for (std::size_t i = 0; i < result.counts.size(); ++i) {
      const std::uint64_t count = shard.counts[i].load(std::memory_order_relaxed);
      result.counts[i] += count;
      result.count += count;
    }
    result.sum += shard.sum.load(std::memory_order_relaxed);
  }
  return result;
}

std::vector<double> duration_bounds_s() {
  return {50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3,
          50e-3, 100e-3, 250e-3, 500e-3, 1,    2.5,    5,    10};
}

std::vector<double> batch_size_bounds() {
  return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
}

struct Registry::Impl {
  // Exactly one of the three; deque-like stability comes from the unique_ptrs.
  struct Series {
    Labels labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Histogram> histogram;
    std::function<double()> read;
  };
  struct Family {
    std::string help;
    MetricType type;
    std::vector<Series> series;
  };

  Series& add(const std::string& name, const std::string& help, MetricType type, Labels labels)
      REQUIRES(mutex);
  static ClientMetric collect(const Series& series, MetricType type);

  mutable Mutex mutex;
  std::map<std::string, Family> families GUARDED_BY(mutex);
};

Registry::Impl::Series& Registry::Impl::add(const std::string& name, const std::string& help,
                                            MetricType type, Labels labels) {
  check_name(name, help, type);
  labels = checked_labels(name, std::move(labels));
  Family& family = families.try_emplace(name, Family{help, type, {}}).first->second;
  if (family.type != type) refuse(name, "registered before as another kind");
  if (family.help != help) refuse(name, "registered before with another help text");
  for (const Series& other : family.series) {
    if (other.labels == labels) refuse(name, "these labels are registered already");
  }
  Series& series = family.series.emplace_back();
  series.labels = std::move(labels);
  return series;
}

ClientMetric Registry::Impl::collect(const Series& series, MetricType type) {
  ClientMetric metric;
  for (const auto& [key, value] : series.labels) metric.label.push_back({key, value});
  if (series.histogram) {
    metric.histogram = to_prometheus(series.histogram->snapshot());
    return metric;
  }
  const double value =
      series.counter ? static_cast<double>(series.counter->value()) : series.read();
  if (type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return metric;
}

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(const std::string& name, const std::string& help, Labels labels) {
  auto counter = std::make_unique<Counter>();
  MutexLock lock(impl_->mutex);
  auto& series = impl_->add(name, help, MetricType::Counter, std::move(labels));
  series.counter = std::move(counter);
  return *series.counter;
}

Histogram& Registry::histogram(const std::string& name, const std::string& help,
                               std::vector<double> bounds, Labels labels) {
  auto histogram = std::make_unique<Histogram>(std::move(bounds));
  MutexLock lock(impl_->mutex);
  auto& series = impl_->add(name, help, MetricType::Histogram, std::move(labels));
  series.histogram = std::move(histogram);
  return *series.histogram;
}

void Registry::gauge(const std::string& name, const std::string& help, std::function<double()> read,
                     Labels labels) {
  MutexLock lock(impl_->mutex);
  impl_->add(name, help, MetricType::Gauge, std::move(labels)).read = std::move(read);
}

void Registry::counter_from(const std::string& name, const std::string& help,
                            std::function<double()> read, Labels labels) {
  MutexLock lock(impl_->mutex);
  impl_->add(name, help, MetricType::Counter, std::move(labels)).read = std::move(read);
}

std::string Registry::expose() const {
  std::vector<MetricFamily> families;
  {
    MutexLock lock(impl_->mutex);
    for (const auto& [name, family] : impl_->families) {
      MetricFamily& out = families.emplace_back(MetricFamily{name, family.help, family.type, {}});
      for (const auto& series : family.series) {
        out.metric.push_back(Impl::collect(series, family.type));
      }
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

}  // namespace millrace::observe
