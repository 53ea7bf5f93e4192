#include "conformance/conformance_catch.h"
#include "integration/kafka_rig.h"

namespace millrace::integration {
namespace {

TEST_CASE("the Kafka queue keeps the promises of a queue") {
  conformance::Fixture fixture;
  fixture.name = "kafka";
  // A topic has no bound that a producer feels.
  fixture.features = {
      .bounded = false, .durable = true, .leaves_the_rest = true, .may_duplicate = true};
  fixture.idle = std::chrono::seconds(1);
  fixture.make = [](std::size_t /*capacity*/) {
    return std::make_unique<KafkaRig>(fresh_kafka_options());
  };
  conformance::require_conformance(fixture);
}

}  // namespace
}  // namespace millrace::integration
