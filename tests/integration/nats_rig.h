// Both ends of a JetStream queue on a stream of their own.
#pragma once

#include "integration/broker_rig.h"
#include "queue/nats/nats_consumer.h"
#include "queue/nats/nats_dead_letters.h"
#include "queue/nats/nats_producer.h"

namespace millrace::integration {

inline queue::NatsOptions fresh_nats_options() {
  queue::NatsOptions options;
  options.urls = {required("MILLRACE_TEST_NATS")};
  const std::string name = unique_name("T");
  options.stream = name;
  options.subject = "t." + name;
  options.dead_letter_stream = name + "_DLQ";
  options.dead_letter_subject = "dlq." + name;
  options.max_age = std::chrono::hours(1);
  return options;
}

using NatsRig =
    BrokerRig<queue::NatsOptions, queue::NatsProducer, queue::NatsConsumer, queue::NatsDeadLetters>;

}  // namespace millrace::integration
