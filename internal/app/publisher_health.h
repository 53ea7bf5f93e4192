// How the queue is for those who publish to it: ingest and the gRPC server.
#pragma once

#include <memory>
#include <vector>

#include "app/queues.h"
#include "base/thread_annotations.h"
#include "edge/health/judge.h"
#include "edge/health/upstream_probe.h"
#include "edge/ops.h"

namespace millrace::app {

// By the setting, whether a composite works while one of its providers is down.
edge::Need need_of(const config::Settings& settings);

// Thread-safe.
class PublisherHealth {
 public:
  // The queue in memory is in the processors, which are asked; a broker's producer knows. Borrows
  // the queue and the reactors.
  PublisherHealth(const config::Settings& settings, const PublisherQueue& queue,
                  http::ReactorPool& reactors);
  ~PublisherHealth();
  PublisherHealth(const PublisherHealth&) = delete;
  PublisherHealth& operator=(const PublisherHealth&) = delete;

  // Whether what is published now could arrive. Not to be asked after the end of this.
  [[nodiscard]] edge::WorkCheck work_check() const;

  // "queue", and millrace_queue_connected for each provider.
  void add_to(edge::HealthChecks& checks, observe::Registry& registry) const;

 private:
  struct Shared;
  [[nodiscard]] edge::AskedComponent asked() const;
  void register_connected(observe::Registry& registry,
                          const queue::CompositeProducerPart& provider) const;

  const std::string queue_type_;
  const PublisherQueue& queue_;
  const edge::UpstreamProbe processors_;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace millrace::app
