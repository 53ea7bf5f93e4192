#include "app/processor_health.h"

#include <algorithm>
#include <limits>

#include "app/publisher_health.h"
#include "app/shell.h"

namespace millrace::app {
namespace {

std::vector<std::string> files_of(const config::Settings& settings, const ProcessorQueue& queue) {
  std::vector<std::string> files;
  if (settings.sink == "file") files.emplace_back("sink");
  // A broker keeps its dead letters itself.
  if (queue.memory != nullptr) files.emplace_back("dead_letters");
  return files;
}

std::vector<std::string> paths_of(const std::vector<std::string>& files,
                                  const config::Settings& settings) {
  std::vector<std::string> paths;
  for (const std::string& file : files) {
    paths.push_back(file == "sink" ? settings.sink_file : settings.dead_letter_file);
  }
  return paths;
}

bool is_bounded(const QueueProvider& provider) {
  return provider.capacity != 0 || provider.bytes_max != 0;
}

bool has_frames(const QueueProvider& provider) { return provider.name == "nats"; }

edge::QueueFill fill_of(const QueueProvider& provider) {
  if (const auto fill = provider.consumer->fill()) {
    return {.name = provider.name,
            .messages = fill->messages,
            .capacity = fill->messages_max,
            .bytes = fill->bytes,
            .bytes_max = fill->bytes_max,
            .frames = has_frames(provider)};
  }
  const queue::ConsumerStats stats = provider.consumer->consumer_stats();
  // A bound covers what is in work, too.
  return {.name = provider.name,
          .messages = stats.waiting + stats.in_flight,
          .capacity = provider.capacity,
          .full = provider.consumer->health().code() == Code::full};
}

bool in_broker(const QueueProvider& provider) { return provider.name != "memory"; }

edge::ProviderHealth health_of(const QueueProvider& provider) {
  return edge::provider_health(provider.name, provider.consumer->health());
}

}  // namespace

ProcessorHealth::ProcessorHealth(const config::Settings& settings, const ProcessorQueue& queue,
                                 const worker::Pool& pool)
    : settings_(settings), queue_(queue), pool_(pool), files_(files_of(settings, queue)) {
  if (!files_.empty()) disks_.emplace(paths_of(files_, settings));
}

void ProcessorHealth::add_to(edge::HealthChecks& checks, observe::Registry& registry) const {
  const auto& providers = queue_.providers;
  const auto add = [&](const char* name, edge::Component (ProcessorHealth::*look)() const) {
    checks.known.push_back({name, [this, look] { return (this->*look)(); }});
  };
  add("queue", &ProcessorHealth::queue);
  if (std::any_of(providers.begin(), providers.end(), is_bounded)) {
    add("queue_depth", &ProcessorHealth::queue_depth);
  }
  if (std::any_of(providers.begin(), providers.end(), in_broker)) {
    add("lag", &ProcessorHealth::lag);
  }
  add("workers", &ProcessorHealth::workers);
  if (disks_) add("disk", &ProcessorHealth::disk);
  checks.known.push_back({"memory", [this] { return memory_health(settings_); }});
  for (const QueueProvider& provider : providers) {
    registry.gauge("millrace_queue_connected", "1 while the queue can be reached.",
                   [&provider] { return health_of(provider).connected() ? 1.0 : 0.0; },
                   {{"provider", provider.name}});
  }
  register_disk_metrics(registry);
}

edge::Component ProcessorHealth::queue() const {
  std::vector<edge::ProviderHealth> healths;
  for (const QueueProvider& provider : queue_.providers) healths.push_back(health_of(provider));
  // Whatever the strategy: the messages of the others are worked off meanwhile.
  return edge::judge_queue(healths, edge::Need::any);
}

edge::Component ProcessorHealth::queue_depth() const {
  std::vector<edge::QueueFill> fills;
  for (const QueueProvider& provider : queue_.providers) fills.push_back(fill_of(provider));
  return edge::judge_queue_depth(fills, settings_.health_queue_warning, need_of(settings_));
}

edge::Component ProcessorHealth::lag() const {
  std::vector<edge::QueueLag> lags;
  for (const QueueProvider& provider : queue_.providers) {
    if (!in_broker(provider)) continue;
    lags.push_back(
        {provider.name, provider.consumer->consumer_stats().waiting, has_frames(provider)});
  }
  return edge::judge_lag(
      lags, {.warning = settings_.health_lag_warning, .unhealthy = settings_.health_lag_unhealthy});
}

std::optional<observe::DiskSpace> ProcessorHealth::space_of(std::size_t file) const {
  const auto spaces = disks_->latest();
  return file < spaces.size() ? spaces[file] : std::nullopt;
}

edge::Component ProcessorHealth::disk() const {
  std::vector<edge::DiskUse> uses;
  for (std::size_t i = 0; i < files_.size(); ++i) uses.push_back({files_[i], space_of(i)});
  return edge::judge_disk(
      uses, disks_->looking_for(),
      {.warning = settings_.health_disk_warning, .unhealthy = settings_.health_disk_unhealthy});
}

edge::Component ProcessorHealth::workers() const {
  const worker::PoolStats stats = pool_.stats();
  const bool all_stuck = stats.stuck >= stats.workers;
  return edge::judge_workers(stats.workers, stats.stuck, all_stuck ? Status() : pool_.health());
}

void ProcessorHealth::register_disk_metrics(observe::Registry& registry) const {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const auto read = [this, i](std::uint64_t observe::DiskSpace::*bytes) {
      return [this, i, bytes] {
        const auto space = space_of(i);
        return space ? static_cast<double>((*space).*bytes)
                     : std::numeric_limits<double>::quiet_NaN();
      };
    };
    const observe::Labels labels{{"file", files_[i]}};
    registry.gauge("millrace_disk_free_bytes", "Free space of the file's disk, in bytes.",
                   read(&observe::DiskSpace::free_bytes), labels);
    registry.gauge("millrace_disk_size_bytes", "Size of the file's disk, in bytes.",
                   read(&observe::DiskSpace::size_bytes), labels);
  }
}

}  // namespace millrace::app
