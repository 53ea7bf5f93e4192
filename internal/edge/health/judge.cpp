#include "edge/health/judge.h"

#include <algorithm>

namespace millrace::edge {
namespace {

// A look at a disk takes microseconds; one that takes so long hangs.
constexpr std::chrono::seconds kDiskHangs{10};

std::uint64_t percent_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : part * 100 / whole;
}

bool reached(std::uint64_t value, std::uint64_t threshold) {
  return threshold != 0 && value >= threshold;
}

Health judge(std::uint64_t value, Thresholds thresholds) {
  if (reached(value, thresholds.unhealthy)) return Health::unhealthy;
  return reached(value, thresholds.warning) ? Health::warning : Health::healthy;
}

void add(std::string& reasons, const std::string& name, const std::string& reason) {
  reasons.append(reasons.empty() ? "" : "; ");
  if (!name.empty()) reasons.append(name).append(": ");
  reasons.append(reason);
}

// "12.3 GiB": for people, who get the bytes beside it.
std::string gib(std::uint64_t bytes) {
  const std::uint64_t tenths = bytes / ((std::uint64_t{1} << 30) / 10);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

std::string mib(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

constexpr const char* kFrameIsOne = ", a frame counting as one";

// How much of one of a queue's bounds is used.
struct Share {
  std::uint64_t used;
  std::uint64_t bound;
  bool full;
  const char* unit;

  [[nodiscard]] std::uint64_t percent() const { return percent_of(used, bound); }
  [[nodiscard]] std::pair<bool, std::uint64_t> rank() const { return {full, percent()}; }
};

Share by_messages(const QueueFill& fill) {
  return {fill.messages, fill.capacity, fill.capacity != 0 && fill.messages >= fill.capacity,
          fill.frames ? kFrameIsOne : ""};
}

// The last bytes stay unused: what is stored next doesn't fit into them.
Share by_bytes(const QueueFill& fill) {
  const std::uint64_t average = fill.messages == 0 ? 0 : fill.bytes / fill.messages;
  return {fill.bytes, fill.bytes_max,
          fill.bytes_max != 0 && fill.bytes + std::max<std::uint64_t>(average, 1) > fill.bytes_max,
          " bytes"};
}

Share larger_share(const QueueFill& fill) {
  const Share messages = by_messages(fill);
  const Share bytes = by_bytes(fill);
  return bytes.rank() > messages.rank() ? bytes : messages;
}

bool is_bounded(const QueueFill& fill) { return fill.capacity != 0 || fill.bytes_max != 0; }

bool is_full(const QueueFill& fill) { return fill.full || larger_share(fill).full; }

bool is_fuller(const QueueFill& fill, const QueueFill& other) {
  return std::pair(is_full(fill), larger_share(fill).percent()) >
         std::pair(is_full(other), larger_share(other).percent());
}

std::string fill_text(const QueueFill& fill, bool one_of_many) {
  std::string text = one_of_many ? fill.name + ": " : "";
  const Share share = larger_share(fill);
  if (share.full) {
    text += "full";
  } else if (fill.full) {
    text += "full by its bytes";
  } else {
    text += std::to_string(share.percent()) + " % full";
  }
  return text + " (" + std::to_string(share.used) + " of " + std::to_string(share.bound) +
         share.unit + ")";
}

std::size_t count_ready(const UpstreamAnswers& answers) {
  return static_cast<std::size_t>(std::count_if(
      answers.begin(), answers.end(), [](const auto& answer) { return answer.status.ok(); }));
}

// Of a disk, as df has it: the superuser's part counts as neither used nor free.
std::uint64_t used_percent(const observe::DiskSpace& space) {
  const std::uint64_t ours = space.used_bytes + space.free_bytes;
  // Up: a disk that is all but full isn't less than that.
  return ours == 0 ? 0 : (space.used_bytes * 100 + ours - 1) / ours;
}

}  // namespace

ProviderHealth provider_health(std::string name, const Status& status) {
  if (status.ok() || status.code() == Code::full) return {std::move(name)};
  return {std::move(name), Health::unhealthy, status.text()};
}

ProviderHealth provider_health(std::string name, const UpstreamAnswers& processors) {
  const std::size_t ready = count_ready(processors);
  if (ready > 0 && ready == processors.size()) return {std::move(name)};
  return {std::move(name), ready == 0 ? Health::unhealthy : Health::warning,
          reasons_of(processors)};
}

Component judge_queue(const std::vector<ProviderHealth>& providers, Need need) {
  Component queue{.name = "queue"};
  std::size_t connected = 0;
  for (const ProviderHealth& provider : providers) {
    connected += provider.connected() ? 1U : 0U;
    queue.health = std::max(queue.health, provider.health);
    if (provider.health == Health::healthy) continue;
    add(queue.reason, providers.size() > 1 ? provider.name : "", provider.reason);
  }
  const bool enough = need == Need::any ? connected > 0 : connected == providers.size();
  if (enough) queue.health = std::min(queue.health, Health::warning);
  queue.numbers = {{"providers", providers.size()}, {"connected", connected}};
  return queue;
}

Component judge_queue_depth(const std::vector<QueueFill>& fills, std::uint64_t warning_percent,
                            Need need) {
  Component depth{.name = "queue_depth"};
  const QueueFill* fullest = nullptr;
  for (const QueueFill& fill : fills) {
    if (!is_bounded(fill)) continue;
    if (fullest == nullptr || is_fuller(fill, *fullest)) fullest = &fill;
  }
  if (fullest == nullptr) return depth;
  const std::uint64_t percent = larger_share(*fullest).percent();
  const bool refuses = need == Need::any ? std::all_of(fills.begin(), fills.end(), is_full)
                                         : std::any_of(fills.begin(), fills.end(), is_full);
  if (refuses) {
    depth.health = Health::unhealthy;
  } else if (is_full(*fullest) || reached(percent, warning_percent)) {
    depth.health = Health::warning;
  }
  if (depth.health != Health::healthy) depth.reason = fill_text(*fullest, fills.size() > 1);
  depth.numbers = {
      {"messages", fullest->messages}, {"capacity", fullest->capacity}, {"percent", percent}};
  if (fullest->bytes_max != 0) {
    depth.numbers.emplace_back("bytes", fullest->bytes);
    depth.numbers.emplace_back("bytes_max", fullest->bytes_max);
  }
  return depth;
}

Component judge_lag(const std::vector<QueueLag>& lags, Thresholds messages) {
  Component lag{.name = "lag"};
  const auto longest = std::max_element(lags.begin(), lags.end(), [](const auto& a, const auto& b) {
    return a.messages < b.messages;
  });
  if (longest == lags.end()) return lag;
  lag.health = judge(longest->messages, messages);
  if (lag.health != Health::healthy) {
    add(lag.reason, lags.size() > 1 ? longest->name : "",
        std::to_string(longest->messages) + " messages wait" +
            (longest->frames ? kFrameIsOne : ""));
  }
  lag.numbers = {{"messages", longest->messages}};
  return lag;
}

Component judge_memory(std::optional<std::uint64_t> resident, std::optional<std::uint64_t> limit,
                       Thresholds percent) {
  Component memory{.name = "memory"};
  if (!resident || !limit || *limit == 0) return memory;
  const std::uint64_t used = percent_of(*resident, *limit);
  memory.health = judge(used, percent);
  if (memory.health != Health::healthy) {
    memory.reason = std::to_string(used) + " % of the limit used (" + mib(*resident) + " of " +
                    mib(*limit) + ")";
  }
  memory.numbers = {{"resident_bytes", *resident}, {"limit_bytes", *limit}, {"percent", used}};
  return memory;
}

Component judge_disk(const std::vector<DiskUse>& disks, Duration looking_for, Thresholds percent) {
  Component disk{.name = "disk"};
  const DiskUse* fullest = nullptr;
  for (const DiskUse& one : disks) {
    if (!one.space) continue;
    if (fullest == nullptr || used_percent(*one.space) > used_percent(*fullest->space)) {
      fullest = &one;
    }
  }
  if (fullest != nullptr) {
    const observe::DiskSpace& space = *fullest->space;
    const std::uint64_t used = used_percent(space);
    disk.health = judge(used, percent);
    if (disk.health != Health::healthy) {
      add(disk.reason, fullest->file,
          std::to_string(used) + " % of the disk used (" + gib(space.free_bytes) + " free)");
    }
    disk.numbers = {
        {"free_bytes", space.free_bytes}, {"size_bytes", space.size_bytes}, {"percent", used}};
  }
  if (looking_for >= kDiskHangs) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(looking_for).count();
    disk.health = std::max(disk.health, Health::warning);
    add(disk.reason, "", "no answer from the file system for " + std::to_string(seconds) + " s");
  }
  return disk;
}

Component judge_workers(std::uint64_t workers, std::uint64_t stuck, const Status& failing) {
  Component component{.name = "workers"};
  if (!failing.ok()) {
    component.health = Health::unhealthy;
    component.reason = failing.text();
  } else if (stuck > 0) {
    component.health = stuck >= workers ? Health::unhealthy : Health::warning;
    component.reason = std::to_string(stuck) + " of " + std::to_string(workers) +
                       " workers are stuck in a handler";
  }
  component.numbers = {{"workers", workers}, {"stuck", stuck}};
  return component;
}

Component judge_upstreams(const UpstreamAnswers& ingest, const UpstreamAnswers& processor) {
  Component upstreams{.name = "upstreams"};
  const auto hear = [&upstreams](const char* name, const UpstreamAnswers& answers, Health none) {
    const std::size_t ready = count_ready(answers);
    upstreams.numbers.emplace_back(std::string(name) + "_ready", ready);
    upstreams.numbers.emplace_back(std::string(name) + "_configured", answers.size());
    if (ready > 0 && ready == answers.size()) return;
    upstreams.health = std::max(upstreams.health, ready == 0 ? none : Health::warning);
    add(upstreams.reason, name, reasons_of(answers));
  };
  hear("ingest", ingest, Health::unhealthy);
  hear("processor", processor, Health::warning);
  return upstreams;
}

}  // namespace millrace::edge
