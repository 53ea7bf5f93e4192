// Rates of NATS and Kafka together: each message in both, worked off once.
//
//   composite_queue_bench publish|consume NATS_URL KAFKA_BROKERS NAME MESSAGES PAYLOAD_BYTES
//
// Prints one line of JSON: messages, the seconds they took, and the bytes of one.
#include "fakes/executors.h"
#include "queue/composite/composite_consumer.h"
#include "queue/composite/composite_producer.h"
#include "queue/deduping_consumer.h"
#include "queue/kafka/kafka_consumer.h"
#include "queue/kafka/kafka_dead_letters.h"
#include "queue/kafka/kafka_producer.h"
#include "queue/nats/nats_consumer.h"
#include "queue/nats/nats_dead_letters.h"
#include "queue/nats/nats_producer.h"
#include "queues/flow.h"

namespace millrace::bench {
namespace {

struct Options {
  queue::NatsOptions nats;
  queue::KafkaOptions kafka;
};

void publish(const Options& options, std::size_t messages, std::size_t bytes) {
  fakes::ThreadExecutor executor;
  queue::CompositeProducer producer(
      {{"nats", std::make_shared<queue::NatsProducer>(options.nats, executor)},
       {"kafka", std::make_shared<queue::KafkaProducer>(options.kafka, executor)}},
      queue::CompositeStrategy::fail_fast, {}, executor);
  static_cast<void>(producer.start());
  wait_until_ready([&] { return producer.health(); });
  publish_all(producer, messages, bytes);
}

void consume(const Options& options, std::size_t messages) {
  queue::NatsDeadLetters nats_letters(options.nats);
  queue::KafkaDeadLetters kafka_letters(options.kafka);
  queue::CompositeConsumer both(
      {{"nats", std::make_shared<queue::NatsConsumer>(options.nats, nats_letters)},
       {"kafka", std::make_shared<queue::KafkaConsumer>(options.kafka, kafka_letters)}});
  queue::DedupingConsumer consumer(both, {.expects_copies = true});
  static_cast<void>(consumer.start());
  consume_all(consumer, messages);
}

int run(int argc, char** argv) {
  if (argc != 7) {
    fail("usage: composite_queue_bench publish|consume NATS_URL KAFKA_BROKERS NAME MESSAGES BYTES");
  }
  const std::string name = argv[4];
  Options options;
  options.nats.urls = {argv[2]};
  options.nats.stream = name;
  options.nats.subject = "bench." + name;
  options.nats.dead_letter_stream = name + "-dlq";
  options.nats.dead_letter_subject = "dlq." + name;
  options.nats.max_messages = 0;
  options.kafka.brokers = argv[3];
  options.kafka.topic = name;
  options.kafka.group = name;
  const std::size_t messages = std::stoul(argv[5]);
  if (argv[1] == std::string("publish")) {
    publish(options, messages, std::stoul(argv[6]));
  } else {
    consume(options, messages);
  }
  return 0;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) { return millrace::bench::run(argc, argv); }
