// Against the library's own mock of a cluster, which fails when it is told to.
#include "queue/kafka/kafka_consumer.h"

#include <catch2/catch.hpp>
#include <future>

#include "fakes/executors.h"
#include "fakes/kept_dead_letters.h"
#include "fakes/messages.h"
#include "queue/kafka/kafka_producer.h"
#include "queue/kafka/mock_cluster.h"

namespace millrace::queue {
namespace {

using std::chrono::seconds;

constexpr std::int16_t kOffsetFetch = 9;  // a key of Kafka's protocol

Time in(Duration time) { return std::chrono::steady_clock::now() + time; }

// True once it is stored.
bool publish_one(const KafkaOptions& options) {
  fakes::ThreadExecutor executor;
  KafkaProducer producer(options, executor);
  REQUIRE(producer.start().ok());
  const Time deadline = in(seconds(10));
  while (std::chrono::steady_clock::now() < deadline) {
    std::promise<bool> stored;
    producer.publish(fakes::make_messages(1), in(seconds(5)),
                     [&](std::vector<Status> all) { stored.set_value(all[0].ok()); });
    if (stored.get_future().get()) return true;
  }
  return false;
}

TEST_CASE("a coordinator that moves while offsets are asked for silences no partition for ever") {
  MockCluster cluster;
  const KafkaOptions options = cluster.options();
  REQUIRE(publish_one(options));
  cluster.fail_next(kOffsetFetch, RD_KAFKA_RESP_ERR_NOT_COORDINATOR);

  fakes::KeptDeadLetters letters;
  KafkaConsumer consumer(options, letters);
  REQUIRE(consumer.start().ok());
  std::vector<Delivery> got;
  CHECK(consumer.receive(got, 10, in(seconds(10)), {}).ok());
  CHECK(!got.empty());
  for (Delivery& delivery : got) std::move(delivery).ack();
}

}  // namespace
}  // namespace millrace::queue
