// How the processor is: its queue, its disks, its workers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/queues.h"
#include "edge/health/health_checks.h"
#include "edge/health/judge.h"
#include "observe/disk.h"
#include "worker/pool.h"

namespace millrace::app {

class ProcessorHealth {
 public:
  // Borrows the queue and the pool.
  ProcessorHealth(const config::Settings& settings, const ProcessorQueue& queue,
                  const worker::Pool& pool);

  // The components that this processor has, and the metrics of its disks and brokers. Both are
  // used no longer than this lives.
  void add_to(edge::HealthChecks& checks, observe::Registry& registry) const;

 private:
  [[nodiscard]] edge::Component queue() const;
  [[nodiscard]] edge::Component queue_depth() const;
  [[nodiscard]] edge::Component lag() const;
  [[nodiscard]] edge::Component disk() const;
  [[nodiscard]] edge::Component workers() const;

  void register_disk_metrics(observe::Registry& registry) const;
  [[nodiscard]] std::optional<observe::DiskSpace> space_of(std::size_t file) const;

  const config::Settings settings_;
  const ProcessorQueue& queue_;
  const worker::Pool& pool_;
  const std::vector<std::string> files_;     // sink, dead_letters
  std::optional<observe::DiskWatch> disks_;  // of these; none without files
};

}  // namespace millrace::app
