// The queue that the settings name, made of its concrete parts.
#pragma once

#include <cstdint>
#include <memory>

#include "config/settings.h"
#include "edge/ops.h"
#include "http/reactor.h"
#include "observe/metrics.h"
#include "queue/composite/composite_consumer.h"
#include "queue/composite/composite_producer.h"
#include "queue/consumer.h"
#include "queue/dead_letters.h"
#include "queue/memory/memory_queue.h"
#include "queue/patient_producer.h"
#include "queue/producer.h"

namespace millrace::app {

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
  std::uint64_t capacity = 0;  // messages; 0: no bound
  // The same as the producer and the consumer if it is a composite; otherwise null.
  queue::CompositeProducer* composite_producer = nullptr;
  queue::CompositeConsumer* composite_consumer = nullptr;

  // Starts all parts. A broker that can't be reached is no failure: their health() says so.
  Status start();
};

ProcessorQueue make_processor_queue(const config::Settings& settings, Executor& executor);

// For a producer that waits: on a reactor.
queue::Later later_on(http::ReactorPool& reactors);

// What a composite does while one of its parts is full: the others have the message already.
enum class OnFullPart : std::uint8_t { answer, wait };

// Where ingest publishes to: a broker itself, or the processor when the queue is in its memory.
// Borrows the reactors and the registry.
std::shared_ptr<queue::Producer> make_producer(const config::Settings& settings,
                                               http::ReactorPool& reactors,
                                               observe::Registry& registry,
                                               OnFullPart on_full_part = OnFullPart::answer);

// Whether what is published now could arrive: the memory queue is in the processor, which is asked
// live; a broker's producer knows. All three outlive the check.
edge::WorkCheck work_check(const config::Settings& settings, const queue::Producer& producer,
                           http::ReactorPool& reactors);

}  // namespace millrace::app
