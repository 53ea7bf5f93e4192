// What a composite queue says of its providers: in /stats, and as metrics with a label for each.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "edge/ingest/ingest_core.h"
#include "observe/metrics.h"
#include "queue/composite/composite_consumer.h"
#include "queue/composite/composite_producer.h"

namespace millrace::app {

// {"nats": {"healthy": true, "published": ..., "missing": ...}, ...}; with the consumer's books
// when it isn't null.
nlohmann::ordered_json composite_stats(const queue::CompositeProducer& producer,
                                       const queue::CompositeConsumer* consumer);

// The /stats of a service that publishes; `composite` is its producer, or null.
std::string publisher_stats_json(const edge::IngestCore& core,
                                 const queue::CompositeProducer* composite);

// Borrows the producer.
void register_composite_metrics(observe::Registry& registry,
                                const queue::CompositeProducer& producer);

}  // namespace millrace::app
