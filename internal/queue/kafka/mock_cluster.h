// For tests: the library's own mock of a cluster with one broker, which fails when it is told to.
#pragma once

#include <catch2/catch.hpp>
#include <librdkafka/rdkafka_mock.h>
#include <memory>

#include "queue/kafka/kafka_client.h"

namespace millrace::queue {

class MockCluster {
 public:
  // With the topic "t", which has two partitions.
  MockCluster()
      : owner_(make_kafka_handle(RD_KAFKA_PRODUCER, KafkaConf(rd_kafka_conf_new())).value()),
        cluster_(rd_kafka_mock_cluster_new(owner_->get(), 1)) {
    REQUIRE(rd_kafka_mock_topic_create(cluster_, "t", 2, 1) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  ~MockCluster() { rd_kafka_mock_cluster_destroy(cluster_); }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  [[nodiscard]] KafkaOptions options() const {
    KafkaOptions options;
    options.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
    options.topic = "t";
    options.message_timeout = std::chrono::milliseconds(1000);
    return options;
  }
  // `request` is a key of Kafka's protocol.
  void fail_next(std::int16_t request, rd_kafka_resp_err_t error) {
    rd_kafka_mock_push_request_errors(cluster_, request, 1, error);
  }

 private:
  std::shared_ptr<KafkaHandle> owner_;
  rd_kafka_mock_cluster_t* cluster_;
};

}  // namespace millrace::queue
