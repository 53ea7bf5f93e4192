// Rates of JetStream: through our queue, and by a minimal program on the client library.
//
//   nats_queue_bench ours|theirs publish|consume URL STREAM MESSAGES PAYLOAD_BYTES
//
// Prints one line of JSON: messages, and the seconds they took. `theirs publish` only publishes
// asynchronously with a window of 4096, without ids to find duplicates by; `theirs consume` only
// fetches 1000 at a time and acks each.
#include "fakes/executors.h"
#include "queue/nats/nats_consumer.h"
#include "queue/nats/nats_dead_letters.h"
#include "queue/nats/nats_producer.h"
#include "queues/flow.h"

namespace millrace::bench {
namespace {

void publish_ours(const queue::NatsOptions& options, std::size_t messages, std::size_t bytes) {
  fakes::ThreadExecutor executor;
  queue::NatsProducer producer(options, executor);
  static_cast<void>(producer.start());
  wait_until_ready([&] { return producer.health(); });
  publish_all(producer, messages, bytes);
}

void consume_ours(const queue::NatsOptions& options, std::size_t messages) {
  queue::NatsDeadLetters dead_letters(options);
  queue::NatsConsumer consumer(options, dead_letters);
  static_cast<void>(consumer.start());
  wait_until_ready([&] { return consumer.health(); });
  consume_all(consumer, messages);
}

void must(natsStatus status) {
  if (status != NATS_OK) fail(natsStatus_GetText(status));
}

struct Client {
  explicit Client(const std::string& url) {
    must(natsConnection_ConnectTo(&connection, url.c_str()));
    jsOptions js_options;
    jsOptions_Init(&js_options);
    js_options.PublishAsync.MaxPending = 4096;
    js_options.PublishAsync.StallWait = 10'000;
    must(natsConnection_JetStream(&js, connection, &js_options));
  }
  ~Client() {
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
  }
  natsConnection* connection = nullptr;
  jsCtx* js = nullptr;
};

void publish_theirs(const queue::NatsOptions& options, std::size_t messages, std::size_t bytes) {
  const Client client(options.urls[0]);
  std::vector<Message> ready = make_batch(messages, bytes);
  const Time begin = std::chrono::steady_clock::now();
  for (const Message& message : ready) {
    must(js_PublishAsync(client.js, options.subject.c_str(), message.wire().data(),
                         static_cast<int>(message.wire().size()), nullptr));
  }
  jsPubOptions all;
  jsPubOptions_Init(&all);
  all.MaxWait = 60'000;
  must(js_PublishAsyncComplete(client.js, &all));
  print_rate(messages, std::chrono::steady_clock::now() - begin);
}

void consume_theirs(const queue::NatsOptions& options, std::size_t messages) {
  const Client client(options.urls[0]);
  jsSubOptions subscribe;
  jsSubOptions_Init(&subscribe);
  subscribe.Stream = options.stream.c_str();
  subscribe.Consumer = options.durable.c_str();
  natsSubscription* subscription = nullptr;
  jsErrCode code{};
  must(js_PullSubscribe(&subscription, client.js, nullptr, nullptr, nullptr, &subscribe, &code));
  const Time begin = std::chrono::steady_clock::now();
  for (std::size_t done = 0; done < messages;) {
    natsMsgList list{};
    must(natsSubscription_Fetch(&list, subscription,
                                static_cast<int>(std::min<std::size_t>(1000, messages - done)),
                                10'000, &code));
    for (int i = 0; i < list.Count; ++i) must(natsMsg_Ack(list.Msgs[i], nullptr));
    done += static_cast<std::size_t>(list.Count);
    natsMsgList_Destroy(&list);
  }
  must(natsConnection_Flush(client.connection));
  print_rate(messages, std::chrono::steady_clock::now() - begin);
  natsSubscription_Destroy(subscription);
}

int run(int argc, char** argv) {
  if (argc != 7)
    fail("usage: nats_queue_bench ours|theirs publish|consume URL STREAM MESSAGES BYTES");
  const std::string who = argv[1];
  const std::string what = argv[2];
  queue::NatsOptions options;
  options.urls = {argv[3]};
  options.stream = argv[4];
  options.subject = "bench." + options.stream;
  options.dead_letter_stream = options.stream + "-dlq";
  options.dead_letter_subject = "dlq." + options.stream;
  options.max_messages = 0;
  const std::size_t messages = std::stoul(argv[5]);
  const std::size_t bytes = std::stoul(argv[6]);
  if (what == "publish") {
    (who == "ours" ? publish_ours : publish_theirs)(options, messages, bytes);
  } else {
    (who == "ours" ? consume_ours : consume_theirs)(options, messages);
  }
  return 0;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) { return millrace::bench::run(argc, argv); }
