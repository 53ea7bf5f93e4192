// The queue that the settings name, made of its concrete parts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "http/reactor.h"
#include "http/upstream_directory.h"
#include "observe/metrics.h"
#include "queue/composite/composite_consumer.h"
#include "queue/composite/composite_producer.h"
#include "queue/consumer.h"
#include "queue/dead_letters.h"
#include "queue/memory/memory_queue.h"
#include "queue/patient_producer.h"
#include "queue/producer.h"

namespace millrace::app {

// One of the queues that it is made of: itself, or a part of a composite.
struct QueueProvider {
  std::string name;  // memory, nats, kafka
  std::shared_ptr<queue::Consumer> consumer;
  std::uint64_t capacity = 0;   // messages; 0: no bound
  std::uint64_t bytes_max = 0;  // of a broker that says how full it is; 0: no bound
};

// What the processor has of it. Members in the order in which they depend on each other.
struct ProcessorQueue {
  std::shared_ptr<queue::DeadLetters> dead_letters;
  std::shared_ptr<queue::Producer> producer;  // where /enqueue and replays publish to
  std::shared_ptr<queue::Consumer> consumer;
  // Where the hop of an ingest publishes to, which has given its messages to the other providers of
  // a composite itself: the part in memory. Otherwise the same as `producer`.
  std::shared_ptr<queue::Producer> hop_producer;
  // The part that lives in this process and is lost with it; null when all of it is elsewhere.
  queue::MemoryQueue* memory = nullptr;
  std::uint64_t capacity = 0;   // messages; 0: no bound
  std::uint64_t bytes_max = 0;  // as above; a composite's providers have their own
  // The same as the producer and the consumer if it is a composite; otherwise null.
  queue::CompositeProducer* composite_producer = nullptr;
  queue::CompositeConsumer* composite_consumer = nullptr;
  std::vector<QueueProvider> providers = {};

  // Starts all parts. A broker that can't be reached is no failure: their health() says so.
  Status start();
};

ProcessorQueue make_processor_queue(const config::Settings& settings, Executor& executor);

// For a producer that waits: on a reactor.
queue::Later later_on(http::ReactorPool& reactors);

// What a composite does while one of its parts is full: the others have the message already.
enum class OnFullPart : std::uint8_t { answer, wait };

// What ingest and the gRPC server have of it.
struct PublisherQueue {
  std::shared_ptr<queue::Producer> producer;
  // The same if it is a composite; otherwise null.
  const queue::CompositeProducer* composite = nullptr;
  // It alone, or the parts of a composite.
  std::vector<queue::CompositeProducerPart> providers = {};
  // Where the queue in memory is, or a composite's part in memory; otherwise null.
  std::shared_ptr<http::UpstreamDirectory> processors = nullptr;
};

// Where ingest publishes to: a broker itself, or the processor when the queue is in its memory.
// Borrows the reactors and the registry.
PublisherQueue make_publisher_queue(const config::Settings& settings, http::ReactorPool& reactors,
                                    observe::Registry& registry,
                                    OnFullPart on_full_part = OnFullPart::answer);

}  // namespace millrace::app
