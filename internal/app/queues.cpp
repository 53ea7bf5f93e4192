#include "app/queues.h"

#include "app/shell.h"
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
  return options;
}

ProcessorQueue make_memory_queue(const config::Settings& settings, Executor& executor) {
  auto memory = std::make_shared<queue::MemoryQueue>(settings.queue_size, executor);
  auto dead_letters = std::make_shared<worker::FileDeadLetters>(
      sink::AppendFileOptions{.path = settings.dead_letter_file});
  return {std::move(dead_letters), memory, memory, memory.get(), memory->capacity()};
}

ProcessorQueue make_nats_queue(const config::Settings& settings, Executor& executor) {
  const queue::NatsOptions options = nats_options(settings);
  auto dead_letters = std::make_shared<queue::NatsDeadLetters>(options);
  auto producer = std::make_shared<queue::NatsProducer>(options, executor);
  auto consumer = std::make_shared<queue::NatsConsumer>(options, *dead_letters);
  return {std::move(dead_letters), std::move(producer), std::move(consumer), nullptr,
          settings.nats_max_messages};
}

}  // namespace

Status ProcessorQueue::start() {
  if (Status failed = dead_letters->start(); !failed.ok()) return failed;
  if (Status failed = producer->start(); !failed.ok()) return failed;
  return consumer->start();
}

ProcessorQueue make_processor_queue(const config::Settings& settings, Executor& executor) {
  if (settings.queue_type == "nats") return make_nats_queue(settings, executor);
  return make_memory_queue(settings, executor);
}

std::unique_ptr<queue::Producer> make_producer(const config::Settings& settings,
                                               http::ReactorPool& reactors,
                                               observe::Registry& registry) {
  if (settings.queue_type == "nats") {
    return std::make_unique<queue::NatsProducer>(nats_options(settings), reactors);
  }
  return std::make_unique<queue::RemoteProducer>(reactors, parse_upstreams(settings.processor_urls),
                                                 registry);
}

}  // namespace millrace::app
