#include "app/publisher_health.h"

#include <algorithm>
#include <limits>

#include "app/shell.h"

namespace millrace::app {
namespace {

// Shorter than the gateway's, which asks those who ask.
constexpr std::chrono::milliseconds kProbeTimeout{700};

bool in_memory(const queue::CompositeProducerPart& provider) { return provider.name == "memory"; }

// Not asked when no part of the queue is in their memory.
http::UpstreamSource source_of_processors(const PublisherQueue& queue) {
  if (queue.processors == nullptr) return [] { return std::vector<http::Upstream>(); };
  return http::source_of(queue.processors);
}

// Of a part in memory the processors know most; what the latest publish met counts too, for it
// decides what a composite does next.
edge::ProviderHealth health_of(const queue::CompositeProducerPart& provider, bool is_part,
                               const edge::UpstreamAnswers& processors) {
  if (!in_memory(provider))
    return edge::provider_health(provider.name, provider.producer->health());
  auto health = edge::provider_health(provider.name, processors);
  if (!is_part || !health.connected()) return health;
  auto met = edge::provider_health(provider.name, provider.producer->health());
  return met.connected() ? health : met;
}

}  // namespace

edge::Need need_of(const config::Settings& settings) {
  const bool best_effort =
      settings.queue_type == "composite" && settings.composite_strategy == "best-effort";
  return best_effort ? edge::Need::any : edge::Need::all;
}

// What outlives this, for answers that come late.
struct PublisherHealth::Shared {
  Shared(edge::Need n, const PublisherQueue& q) : need(n), queue(&q) {}

  edge::Component judge(const edge::UpstreamAnswers& processors) EXCLUDES(mutex) {
    std::vector<edge::ProviderHealth> healths;
    const MutexLock lock(mutex);
    if (queue == nullptr) return {.name = "queue"};
    for (const auto& provider : queue->providers) {
      healths.push_back(health_of(provider, queue->composite != nullptr, processors));
    }
    return edge::judge_queue(healths, need);
  }

  const edge::Need need;
  Mutex mutex;
  const PublisherQueue* queue GUARDED_BY(mutex);  // null: it is gone
};

PublisherHealth::PublisherHealth(const config::Settings& settings, const PublisherQueue& queue,
                                 http::ReactorPool& reactors)
    : queue_type_(settings.queue_type),
      queue_(queue),
      processors_(reactors, source_of_processors(queue), kProbeTimeout),
      shared_(std::make_shared<Shared>(need_of(settings), queue)) {}

PublisherHealth::~PublisherHealth() {
  const MutexLock lock(shared_->mutex);
  shared_->queue = nullptr;
}

edge::WorkCheck PublisherHealth::work_check() const {
  if (queue_type_ == "memory") {
    return [probe = processors_](UniqueFunction<void(Status)> done) {
      probe.ask_any(std::move(done));
    };
  }
  return [&producer = *queue_.producer](UniqueFunction<void(Status)> done) {
    done(producer.health());
  };
}

void PublisherHealth::add_to(edge::HealthChecks& checks, observe::Registry& registry) const {
  if (std::any_of(queue_.providers.begin(), queue_.providers.end(), in_memory)) {
    checks.asked = asked();
  } else {
    checks.known.push_back({"queue", [shared = shared_] { return shared->judge({}); }});
  }
  for (const auto& provider : queue_.providers) register_connected(registry, provider);
}

edge::AskedComponent PublisherHealth::asked() const {
  const auto ask = [shared = shared_,
                    probe = processors_](UniqueFunction<void(edge::Component)> done) {
    probe.ask_all([shared, done = std::move(done)](const edge::UpstreamAnswers& answers) mutable {
      done(shared->judge(answers));
    });
  };
  const auto latest = [shared = shared_, probe = processors_]() -> std::optional<edge::Component> {
    const auto answers = probe.latest();
    if (!answers) return std::nullopt;
    return shared->judge(*answers);
  };
  return {.name = "queue", .ask = ask, .latest = latest};
}

void PublisherHealth::register_connected(observe::Registry& registry,
                                         const queue::CompositeProducerPart& provider) const {
  const bool is_part = queue_.composite != nullptr;
  registry.gauge(
      "millrace_queue_connected",
      "1 while the queue can be reached; of one in memory, when processors were last asked.",
      [&provider, is_part, probe = processors_] {
        auto answers = in_memory(provider) ? probe.latest() : edge::UpstreamAnswers();
        if (!answers) return std::numeric_limits<double>::quiet_NaN();
        return health_of(provider, is_part, *answers).connected() ? 1.0 : 0.0;
      },
      {{"provider", provider.name}});
}

}  // namespace millrace::app
