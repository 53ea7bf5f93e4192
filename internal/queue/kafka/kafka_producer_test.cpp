// Against the library's own mock of a cluster, which fails when it is told to.
#include "queue/kafka/kafka_producer.h"

#include <catch2/catch.hpp>
#include <future>

#include "fakes/executors.h"
#include "fakes/messages.h"
#include "queue/kafka/mock_cluster.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int16_t kProduce = 0;  // keys of Kafka's protocol
constexpr std::int16_t kInitProducerId = 22;

struct Producing {
  explicit Producing(const KafkaOptions& options) : producer(options, executor) {
    REQUIRE(producer.start().ok());
  }
  std::vector<Status> publish(std::vector<Message> batch, Duration patience = seconds(5)) {
    std::promise<std::vector<Status>> verdicts;
    producer.publish(std::move(batch), std::chrono::steady_clock::now() + patience,
                     [&](std::vector<Status> all) { verdicts.set_value(std::move(all)); });
    return verdicts.get_future().get();
  }
  // Publishes one until it is stored; false when it never was.
  bool recovers() {
    for (std::size_t i = 0; i < 200; ++i) {
      if (publish(fakes::make_messages(1, i))[0].ok()) return true;
      std::promise<void> never;
      never.get_future().wait_for(milliseconds(50));
    }
    return false;
  }

  fakes::ThreadExecutor executor;
  KafkaProducer producer;
};

TEST_CASE("a fatal error ends the library's producer, and a new one takes over") {
  MockCluster cluster;
  cluster.fail_next(kInitProducerId, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
  Producing t(cluster.options());
  CHECK(t.recovers());
  CHECK(t.producer.health().ok());
  const auto stats = t.producer.producer_stats();
  CHECK(stats.published == stats.stored + stats.refused + stats.unknown);
}

TEST_CASE("what a broker refuses for its size is too large, and nothing else suffers") {
  MockCluster cluster;
  Producing t(cluster.options());
  REQUIRE(t.recovers());
  cluster.fail_next(kProduce, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  CHECK(t.publish(fakes::make_messages(1, 1000))[0].code() == Code::too_large);
  CHECK(t.producer.health().ok());
  CHECK(t.publish(fakes::make_messages(1, 1001))[0].ok());
}

TEST_CASE("a passing error of the broker is tried again by the library") {
  MockCluster cluster;
  Producing t(cluster.options());
  REQUIRE(t.recovers());
  cluster.fail_next(kProduce, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  CHECK(t.publish(fakes::make_messages(1, 1000))[0].ok());
}

TEST_CASE("what is under way when a producer ends has a verdict") {
  MockCluster cluster;
  fakes::ThreadExecutor executor;
  std::promise<std::vector<Status>> verdicts;
  {
    KafkaProducer producer(cluster.options(), executor);
    REQUIRE(producer.start().ok());
    producer.publish(fakes::make_messages(3), Time::max(),
                     [&](std::vector<Status> all) { verdicts.set_value(std::move(all)); });
  }
  CHECK(verdicts.get_future().get().size() == 3);
}

}  // namespace
}  // namespace millrace::queue
