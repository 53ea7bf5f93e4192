// NATS and Kafka as one queue, each id once: as the processor has it.
#include "conformance/conformance_catch.h"
#include "integration/kafka_rig.h"
#include "integration/nats_rig.h"
#include "integration/steps.h"
#include "queue/composite/composite_consumer.h"
#include "queue/composite/composite_producer.h"
#include "queue/deduping_consumer.h"

namespace millrace::integration {
namespace {

using queue::CompositeStrategy;
using std::chrono::seconds;

// A view of what its rig owns.
template <class T>
std::shared_ptr<T> borrowed(T& owned) {
  return {&owned, [](T*) {}};
}

class CompositeRig final : public conformance::Rig {
 public:
  explicit CompositeRig(CompositeStrategy strategy)
      : strategy_(strategy), nats_(fresh_nats_options()), kafka_(fresh_kafka_options()) {
    begin();
  }

  queue::Producer& producer() override { return *producer_; }
  queue::Consumer& consumer() override { return *deduping_; }
  queue::CompositeProducer& composite() { return *producer_; }
  std::uint64_t duplicates() const { return deduping_->duplicates(); }

  void restart() override {
    end();
    nats_.restart();
    kafka_.restart();
    begin();
  }
  ~CompositeRig() override { end(); }

 private:
  void begin() {
    producer_.emplace(
        std::vector<queue::CompositeProducerPart>{{"nats", borrowed(nats_.producer())},
                                                  {"kafka", borrowed(kafka_.producer())}},
        strategy_, queue::PublishLimits(), executor_);
    consumer_.emplace(std::vector<queue::CompositeConsumerPart>{
        {"nats", std::make_shared<Started>(nats_.consumer())},
        {"kafka", std::make_shared<Started>(kafka_.consumer())}});
    deduping_.emplace(*consumer_, queue::DedupeOptions{.expects_copies = true});
    if (!consumer_->start().ok()) throw std::runtime_error("the consumer can't be started");
  }
  void end() {
    deduping_.reset();
    consumer_.reset();
    producer_.reset();
  }

  // A consumer that its rig has started already.
  class Started final : public queue::Consumer {
   public:
    explicit Started(queue::Consumer& of) : of_(of) {}
    Status receive(conformance::Deliveries& out, std::size_t max, Time deadline,
                   const std::stop_token& stop) override {
      return of_.receive(out, max, deadline, stop);
    }
    [[nodiscard]] Status health() const override { return of_.health(); }
    [[nodiscard]] queue::ConsumerStats consumer_stats() const override {
      return of_.consumer_stats();
    }
    void stop_accepting() override { of_.stop_accepting(); }
    Status drain(Time deadline) override { return of_.drain(deadline); }
    void abort() override { of_.abort(); }

   private:
    queue::Consumer& of_;
  };

  const CompositeStrategy strategy_;
  fakes::ThreadExecutor executor_;
  NatsRig nats_;
  KafkaRig kafka_;
  std::optional<queue::CompositeProducer> producer_;
  std::optional<queue::CompositeConsumer> consumer_;
  std::optional<queue::DedupingConsumer> deduping_;
};

TEST_CASE("NATS and Kafka together keep the promises of a queue") {
  conformance::Fixture fixture;
  fixture.name = "composite";
  fixture.features = {.ordered = false,
                      .delayed_retry = false,  // the other broker's copy may come meanwhile
                      .bounded = false,
                      .durable = true,
                      .leaves_the_rest = true,
                      .may_duplicate = true,
                      .has_copies = true};
  fixture.idle = seconds(1);
  fixture.make = [](std::size_t /*capacity*/) {
    return std::make_unique<CompositeRig>(CompositeStrategy::fail_fast);
  };
  conformance::require_conformance(fixture);
}

TEST_CASE("each id is worked off once though both brokers have it") {
  CompositeRig rig(CompositeStrategy::fail_fast);
  for (const Status& verdict : verdicts_of(*publish(rig.producer(), fakes::make_messages(500)))) {
    REQUIRE(verdict.ok());
  }
  const auto ids = take_until(rig.consumer(), [&](const auto& all) {
    return all.size() >= 500 && rig.duplicates() >= 500;
  });
  CHECK(ids.size() == 500);
  CHECK(distinct(ids) == 500);
  CHECK(rig.duplicates() == 500);
  const auto stats = rig.consumer().consumer_stats();
  CHECK(stats.acked == 1000);
}

TEST_CASE("best-effort: with a broker gone, what the other has is accepted and worked off",
          "[kills]") {
  TestServer server(GENERATE(std::string("NATS"), std::string("KAFKA")));
  CompositeRig rig(CompositeStrategy::best_effort);
  server.kill();
  std::size_t accepted = 0;
  REQUIRE(eventually([&] {
    const auto verdict = publish_one(rig.producer(), fakes::make_message(accepted));
    accepted += verdict.ok() ? 1U : 0U;
    return accepted == 20;
  }));
  const auto ids = take_until(rig.consumer(), [](const auto& all) { return distinct(all) == 20; });
  CHECK(distinct(ids) == 20);
  REQUIRE(eventually([&] {
    const auto parts = rig.composite().part_stats();
    return parts[0].missing + parts[1].missing == 20;
  }));
  server.restart();
}

TEST_CASE("fail-fast: with a broker gone nothing is accepted, and it is named", "[kills]") {
  TestServer server("KAFKA");
  CompositeRig rig(CompositeStrategy::fail_fast);
  server.kill();
  std::set<std::string> accepted;
  std::size_t number = 0;
  REQUIRE(eventually([&] {
    const std::string id = "m-" + std::to_string(number);
    const Status verdict = publish_one(rig.producer(), fakes::make_message(number++));
    if (verdict.ok()) accepted.insert(id);
    return verdict.code() == Code::unavailable &&
           verdict.text().find("composite: kafka") != std::string::npos;
  }));
  CHECK(accepted.empty());
  CHECK(rig.producer().health().text().find("composite: kafka") != std::string::npos);
  server.restart();
  REQUIRE(eventually([&] { return rig.producer().health().ok(); }));
  CHECK(publish_one(rig.producer(), fakes::make_message(9999)).ok());
}

}  // namespace
}  // namespace millrace::integration
