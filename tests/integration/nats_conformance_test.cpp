#include "conformance/conformance_catch.h"
#include "integration/nats_rig.h"

namespace millrace::integration {
namespace {

TEST_CASE("the NATS JetStream queue keeps the promises of a queue") {
  conformance::Fixture fixture;
  fixture.name = "nats";
  fixture.features = {.durable = true, .leaves_the_rest = true, .may_duplicate = true};
  fixture.make = [](std::size_t capacity) {
    queue::NatsOptions options = fresh_nats_options();
    options.max_messages = static_cast<std::int64_t>(capacity);
    return std::make_unique<NatsRig>(std::move(options));
  };
  conformance::require_conformance(fixture);
}

}  // namespace
}  // namespace millrace::integration
