#include "app/queues.h"

#include <algorithm>

#include "app/shell.h"
#include "http/later.h"
#include "queue/composite/composite_dead_letters.h"
#include "queue/kafka/kafka_consumer.h"
#include "queue/kafka/kafka_dead_letters.h"
#include "queue/kafka/kafka_producer.h"
#include "queue/nats/nats_consumer.h"
#include "queue/nats/nats_dead_letters.h"
#include "queue/nats/nats_producer.h"
#include "queue/remote/remote_producer.h"
#include "worker/file_dead_letters.h"

namespace millrace::app {
namespace {

queue::NatsOptions nats_options(const config::Settings& settings) {
  queue::NatsOptions options;
  options.urls = settings.nats_urls;
  options.subject = settings.nats_subject;
  options.stream = settings.nats_stream;
  options.dead_letter_stream = settings.nats_dlq_stream;
  options.dead_letter_subject = settings.nats_subject + ".dlq";
  options.durable = settings.nats_consumer;
  options.user = settings.nats_user;
  options.password = settings.nats_password;
  options.token = settings.nats_token;
  options.credentials_file = settings.nats_credentials_file;
  options.tls_ca_file = settings.nats_tls_ca_file;
  options.tls_certificate_file = settings.nats_tls_cert_file;
  options.tls_key_file = settings.nats_tls_key_file;
  options.max_age = settings.nats_max_age;
  options.max_messages = static_cast<std::int64_t>(settings.nats_max_messages);
  options.max_bytes = static_cast<std::int64_t>(settings.nats_max_bytes);
  options.replicas = settings.nats_replicas;
  options.ack_wait = settings.nats_ack_wait;
  options.frame_messages = settings.nats_frame_messages;
  return options;
}

queue::KafkaProperties kafka_properties(const config::Settings& settings) {
  queue::KafkaProperties properties{{"security.protocol", settings.kafka_security_protocol}};
  const auto set = [&](const char* name, const std::string& value) {
    if (!value.empty()) properties.emplace_back(name, value);
  };
  if (settings.kafka_security_protocol.starts_with("sasl")) {
    set("sasl.mechanism", settings.kafka_sasl_mechanism);
    set("sasl.username", settings.kafka_sasl_username);
    set("sasl.password", settings.kafka_sasl_password);
  }
  set("ssl.ca.location", settings.kafka_tls_ca_file);
  set("ssl.certificate.location", settings.kafka_tls_cert_file);
  set("ssl.key.location", settings.kafka_tls_key_file);
  return properties;
}

queue::KafkaOptions kafka_options(const config::Settings& settings) {
  queue::KafkaOptions options;
  options.brokers.clear();
  for (const std::string& broker : settings.kafka_brokers) {
    options.brokers.append(options.brokers.empty() ? "" : ",").append(broker);
  }
  options.topic = settings.kafka_topic;
  options.group = settings.kafka_consumer_group;
  options.properties = kafka_properties(settings);
  options.partitions = static_cast<int>(settings.kafka_partitions);
  options.replicas = static_cast<int>(settings.kafka_replicas);
  options.session_timeout = settings.kafka_session_timeout;
  // Shorter than the time a client waits, so that most get the library's own verdict.
  options.message_timeout =
      std::max(settings.request_timeout * 4 / 5, std::chrono::milliseconds(500));
  return options;
}

ProcessorQueue make_memory_queue(const config::Settings& settings, Executor& executor) {
  auto memory = std::make_shared<queue::MemoryQueue>(settings.queue_size, executor);
  auto dead_letters = std::make_shared<worker::FileDeadLetters>(
      sink::AppendFileOptions{.path = settings.dead_letter_file});
  return {.dead_letters = std::move(dead_letters),
          .producer = memory,
          .consumer = memory,
          .hop_producer = memory,
          .memory = memory.get(),
          .capacity = memory->capacity()};
}

ProcessorQueue make_nats_queue(const config::Settings& settings, Executor& executor) {
  queue::NatsOptions options = nats_options(settings);
  // Ids that come to /enqueue are the client's, who may send them again.
  options.frame_messages = 1;
  auto dead_letters = std::make_shared<queue::NatsDeadLetters>(options);
  auto producer = std::make_shared<queue::NatsProducer>(options, executor);
  auto consumer = std::make_shared<queue::NatsConsumer>(options, *dead_letters);
  return {.dead_letters = std::move(dead_letters),
          .producer = producer,
          .consumer = std::move(consumer),
          .hop_producer = producer,
          .capacity = settings.nats_max_messages,
          .bytes_max = settings.nats_max_bytes};
}

ProcessorQueue make_kafka_queue(const config::Settings& settings, Executor& executor) {
  const queue::KafkaOptions options = kafka_options(settings);
  auto dead_letters = std::make_shared<queue::KafkaDeadLetters>(options);
  auto producer = std::make_shared<queue::KafkaProducer>(options, executor);
  auto consumer = std::make_shared<queue::KafkaConsumer>(options, *dead_letters);
  return {.dead_letters = std::move(dead_letters),
          .producer = producer,
          .consumer = std::move(consumer),
          .hop_producer = producer};
}

// `type` isn't composite.
ProcessorQueue make_simple_queue(const std::string& type, const config::Settings& settings,
                                 Executor& executor) {
  if (type == "nats") return make_nats_queue(settings, executor);
  if (type == "kafka") return make_kafka_queue(settings, executor);
  return make_memory_queue(settings, executor);
}

std::shared_ptr<queue::CompositeProducer> make_composite_producer(
    const config::Settings& settings, std::vector<queue::CompositeProducerPart> parts,
    Executor& executor) {
  const auto strategy = settings.composite_strategy == "best-effort"
                            ? queue::CompositeStrategy::best_effort
                            : queue::CompositeStrategy::fail_fast;
  return std::make_shared<queue::CompositeProducer>(std::move(parts), strategy,
                                                    queue::PublishLimits(), executor);
}

ProcessorQueue make_composite_queue(const config::Settings& settings, Executor& executor) {
  std::vector<queue::CompositeDeadLettersPart> dead_letters;
  std::vector<queue::CompositeProducerPart> producers;
  std::vector<queue::CompositeConsumerPart> consumers;
  ProcessorQueue whole;
  for (const std::string& provider : settings.composite_providers) {
    ProcessorQueue part = make_simple_queue(provider, settings, executor);
    whole.providers.push_back({provider, part.consumer, part.capacity, part.bytes_max});
    dead_letters.push_back({provider, std::move(part.dead_letters)});
    producers.push_back({provider, part.producer});
    consumers.push_back({provider, std::move(part.consumer)});
    if (part.memory != nullptr) {
      whole.memory = part.memory;
      whole.hop_producer = part.producer;
    }
    // The first to be full makes the whole refuse.
    if (whole.capacity == 0 || (part.capacity != 0 && part.capacity < whole.capacity)) {
      whole.capacity = part.capacity;
    }
  }
  auto producer = make_composite_producer(settings, std::move(producers), executor);
  auto consumer = std::make_shared<queue::CompositeConsumer>(std::move(consumers));
  whole.composite_producer = producer.get();
  whole.composite_consumer = consumer.get();
  if (whole.hop_producer == nullptr) whole.hop_producer = producer;
  whole.dead_letters = std::make_shared<queue::CompositeDeadLetters>(std::move(dead_letters));
  whole.producer = std::move(producer);
  whole.consumer = std::move(consumer);
  return whole;
}

// `processors` is made when the queue is in their memory.
std::shared_ptr<queue::Producer> make_simple_producer(
    const std::string& type, const config::Settings& settings, http::ReactorPool& reactors,
    observe::Registry& registry, std::shared_ptr<http::UpstreamDirectory>& processors) {
  if (type == "nats") {
    return std::make_shared<queue::NatsProducer>(nats_options(settings), reactors);
  }
  if (type == "kafka") {
    return std::make_shared<queue::KafkaProducer>(kafka_options(settings), reactors);
  }
  processors = make_directory(settings.processor_urls, settings, reactors);
  return std::make_shared<queue::RemoteProducer>(reactors, processors, registry);
}

}  // namespace

Status ProcessorQueue::start() {
  if (Status failed = dead_letters->start(); !failed.ok()) return failed;
  if (Status failed = producer->start(); !failed.ok()) return failed;
  return consumer->start();
}

ProcessorQueue make_processor_queue(const config::Settings& settings, Executor& executor) {
  if (settings.queue_type == "composite") return make_composite_queue(settings, executor);
  ProcessorQueue queue = make_simple_queue(settings.queue_type, settings, executor);
  queue.providers = {{settings.queue_type, queue.consumer, queue.capacity, queue.bytes_max}};
  return queue;
}

queue::Later later_on(http::ReactorPool& reactors) {
  return [&reactors](Duration pause, UniqueFunction<void()> task) {
    http::post_after(reactors.here(), pause, std::move(task));
  };
}

PublisherQueue make_publisher_queue(const config::Settings& settings, http::ReactorPool& reactors,
                                    observe::Registry& registry, OnFullPart on_full_part) {
  std::shared_ptr<http::UpstreamDirectory> processors;
  if (settings.queue_type != "composite") {
    auto producer =
        make_simple_producer(settings.queue_type, settings, reactors, registry, processors);
    return {.producer = producer,
            .providers = {{settings.queue_type, producer}},
            .processors = std::move(processors)};
  }
  std::vector<queue::CompositeProducerPart> parts;
  for (const std::string& provider : settings.composite_providers) {
    auto part = make_simple_producer(provider, settings, reactors, registry, processors);
    if (on_full_part == OnFullPart::wait) {
      part = std::make_shared<queue::PatientProducer>(std::move(part), later_on(reactors));
    }
    parts.push_back({provider, std::move(part)});
  }
  auto composite = make_composite_producer(settings, parts, reactors);
  return {.producer = composite,
          .composite = composite.get(),
          .providers = std::move(parts),
          .processors = std::move(processors)};
}

}  // namespace millrace::app
