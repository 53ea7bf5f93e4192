#include "app/composite_stats.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "edge/ingest/ingest_routes.h"

namespace millrace::app {

nlohmann::ordered_json composite_stats(const queue::CompositeProducer& producer,
                                       const queue::CompositeConsumer* consumer) {
  nlohmann::ordered_json stats;
  for (const queue::CompositePartStats& part : producer.part_stats()) {
    stats[part.name] = {{"healthy", part.healthy},
                        {"published", part.publishing.published},
                        {"stored", part.publishing.stored},
                        {"refused", part.publishing.refused},
                        {"unknown", part.publishing.unknown},
                        {"missing", part.missing}};
  }
  if (consumer == nullptr) return stats;
  for (const queue::CompositeConsumerStats& part : consumer->part_stats()) {
    stats[part.name].update({{"received", part.receiving.received},
                             {"acked", part.receiving.acked},
                             {"retried", part.receiving.retried},
                             {"rejected", part.receiving.rejected},
                             {"nacked", part.receiving.nacked},
                             {"in_flight", part.receiving.in_flight},
                             {"waiting", part.receiving.waiting}});
  }
  return stats;
}

std::string publisher_stats_json(const edge::IngestCore& core,
                                 const queue::CompositeProducer* composite) {
  nlohmann::ordered_json stats = edge::ingest_stats(core);
  if (composite != nullptr) {
    stats["queue"]["composite_stats"] = composite_stats(*composite, nullptr);
  }
  return stats.dump();
}

void register_composite_metrics(observe::Registry& registry,
                                const queue::CompositeProducer& producer) {
  const auto parts = producer.part_stats();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const observe::Labels labels{{"provider", parts[i].name}};
    const auto read = [&producer, i](auto field) {
      return [&producer, i, field] {
        return static_cast<double>(std::invoke(field, producer.part_stats()[i]));
      };
    };
    using Stats = queue::CompositePartStats;
    registry.gauge("millrace_composite_provider_up", "1 while the provider can be published to.",
                   read(&Stats::healthy), labels);
    registry.counter_from("millrace_composite_stored_total", "Messages the provider stored.",
                          read([](const Stats& part) { return part.publishing.stored; }), labels);
    registry.counter_from("millrace_composite_refused_total", "Messages the provider refused.",
                          read([](const Stats& part) { return part.publishing.refused; }), labels);
    registry.counter_from("millrace_composite_unknown_total",
                          "Messages that the provider gave no answer for.",
                          read([](const Stats& part) { return part.publishing.unknown; }), labels);
    registry.counter_from("millrace_composite_missing_total",
                          "Messages accepted that the provider doesn't have.",
                          read(&Stats::missing), labels);
  }
}

}  // namespace millrace::app
