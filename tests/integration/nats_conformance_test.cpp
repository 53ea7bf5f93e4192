#include "conformance/conformance_catch.h"
#include "integration/nats_rig.h"

namespace millrace::integration {
namespace {

conformance::Fixture fixture_of(std::string name, std::size_t frame_messages) {
  conformance::Fixture fixture;
  fixture.name = std::move(name);
  fixture.features = {.durable = true, .leaves_the_rest = true, .may_duplicate = true};
  // The stream's bound is in what it stores: frames.
  fixture.features.bounded = frame_messages == 1;
  fixture.make = [frame_messages](std::size_t capacity) {
    queue::NatsOptions options = fresh_nats_options();
    options.max_messages = static_cast<std::int64_t>(capacity);
    options.frame_messages = frame_messages;
    return std::make_unique<NatsRig>(std::move(options));
  };
  return fixture;
}

TEST_CASE("the NATS JetStream queue keeps the promises of a queue") {
  conformance::require_conformance(fixture_of("nats", 1));
}

TEST_CASE("the NATS JetStream queue keeps the promises of a queue with frames") {
  conformance::require_conformance(fixture_of("nats, frames", 16));
}

}  // namespace
}  // namespace millrace::integration
