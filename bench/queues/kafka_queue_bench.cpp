// Rates of Kafka through our queue.
//
//   kafka_queue_bench publish|consume BROKERS TOPIC MESSAGES PAYLOAD_BYTES
//
// Prints one line of JSON: messages, the seconds they took, and the bytes of one.
#include "fakes/executors.h"
#include "queue/kafka/kafka_consumer.h"
#include "queue/kafka/kafka_dead_letters.h"
#include "queue/kafka/kafka_producer.h"
#include "queues/flow.h"

namespace millrace::bench {
namespace {

void publish(const queue::KafkaOptions& options, std::size_t messages, std::size_t bytes) {
  fakes::ThreadExecutor executor;
  queue::KafkaProducer producer(options, executor);
  static_cast<void>(producer.start());
  wait_until_ready([&] { return producer.health(); });
  publish_all(producer, messages, bytes);
}

void consume(const queue::KafkaOptions& options, std::size_t messages) {
  queue::KafkaDeadLetters dead_letters(options);
  queue::KafkaConsumer consumer(options, dead_letters);
  static_cast<void>(consumer.start());
  wait_until_ready([&] { return consumer.health(); });
  consume_all(consumer, messages);
}

int run(int argc, char** argv) {
  if (argc != 6) fail("usage: kafka_queue_bench publish|consume BROKERS TOPIC MESSAGES BYTES");
  queue::KafkaOptions options;
  options.brokers = argv[2];
  options.topic = argv[3];
  options.group = options.topic;
  options.partitions = 1;  // with several, the other tool waits for those that are empty
  const std::size_t messages = std::stoul(argv[4]);
  if (argv[1] == std::string("publish")) {
    publish(options, messages, std::stoul(argv[5]));
  } else {
    consume(options, messages);
  }
  return 0;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) { return millrace::bench::run(argc, argv); }
