// What a composite queue says of its providers: in /stats, and as metrics with a label for each.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "observe/metrics.h"
#include "queue/composite/composite_consumer.h"
#include "queue/composite/composite_producer.h"

namespace millrace::app {

// {"nats": {"healthy": true, "published": ..., "missing": ...}, ...}; with the consumer's books
// when it isn't null.
nlohmann::ordered_json composite_stats(const queue::CompositeProducer& producer,
                                       const queue::CompositeConsumer* consumer);

// Borrows the producer.
void register_composite_metrics(observe::Registry& registry,
                                const queue::CompositeProducer& producer);

}  // namespace millrace::app
