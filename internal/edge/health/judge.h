// How well a component is, by what was measured and by the limits that are set: numbers in, a
// judgement out. Nothing in here looks at anything by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "edge/health/component.h"
#include "edge/health/upstream_probe.h"
#include "observe/disk.h"

namespace millrace::edge {

// Reached, they are exceeded. 0: never.
struct Thresholds {
  std::uint64_t warning = 0;
  std::uint64_t unhealthy = 0;
};

// One queue of those that the service publishes to or receives from.
struct ProviderHealth {
  std::string name;  // memory, nats, kafka
  Health health = Health::healthy;
  std::string reason = {};

  [[nodiscard]] bool connected() const { return health != Health::unhealthy; }
};

// A broker's own word. A full queue is one that can be reached.
ProviderHealth provider_health(std::string name, const Status& status);
// A queue in the memory of processors: one that is ready is enough, all should be.
ProviderHealth provider_health(std::string name, const UpstreamAnswers& processors);

// Whether a service can work while one of several providers is down.
enum class Need : std::uint8_t { all, any };

// "queue": the connections to the providers, of which there is one at least.
Component judge_queue(const std::vector<ProviderHealth>& providers, Need need);

// What a provider holds, waiting or in work, and the most it takes.
struct QueueFill {
  std::string name;
  std::uint64_t messages = 0;
  std::uint64_t capacity = 0;  // 0: no bound
  bool full = false;           // says so itself: it has another bound too
  std::uint64_t bytes = 0;
  std::uint64_t bytes_max = 0;  // 0: no bound, or only it knows
  bool frames = false;          // a frame of many counts as one message
};

// "queue_depth": the fullest, by messages or by bytes, whichever is nearer to its bound. Full is
// unhealthy: from then on messages are refused, unless only `any` of the providers is needed and
// another has room. By bytes it is full when one more of the average size has no room.
Component judge_queue_depth(const std::vector<QueueFill>& fills, std::uint64_t warning_percent,
                            Need need);

struct QueueLag {
  std::string name;
  std::uint64_t messages = 0;
  bool frames = false;  // as above
};

// "lag": the longest.
Component judge_lag(const std::vector<QueueLag>& lags, Thresholds messages);

// "memory", in bytes; what can't be read isn't judged.
Component judge_memory(std::optional<std::uint64_t> resident, std::optional<std::uint64_t> limit,
                       Thresholds percent);

struct DiskUse {
  std::string file;  // sink, dead_letters
  std::optional<observe::DiskSpace> space;
};

// "disk": the fullest. `looking_for` as DiskWatch has it.
Component judge_disk(const std::vector<DiskUse>& disks, Duration looking_for, Thresholds percent);

// "workers". `failing`: why none of them can finish a message, if so.
Component judge_workers(std::uint64_t workers, std::uint64_t stuck, const Status& failing);

// "upstreams" of the gateway: without ingest it can do nothing.
Component judge_upstreams(const UpstreamAnswers& ingest, const UpstreamAnswers& processor);

}  // namespace millrace::edge
