#include "queue/remote/remote_producer.h"

#include <catch2/catch.hpp>
#include <future>

#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Nobody listens at port 1 of this machine.
std::shared_ptr<http::UpstreamDirectory> nobody(http::ReactorPool& reactors) {
  return std::make_shared<http::UpstreamDirectory>(
      reactors, std::vector{http::Upstream::parse("http://127.0.0.1:1").value()}, seconds(1));
}

Status publish_one(RemoteProducer& producer) {
  std::promise<std::vector<Status>> verdicts;
  producer.publish(fakes::make_messages(1), std::chrono::steady_clock::now() + seconds(5),
                   [&](std::vector<Status> all) { verdicts.set_value(std::move(all)); });
  return verdicts.get_future().get().at(0);
}

TEST_CASE("a failure counts against a queue in memory for a while, not until the next publish") {
  http::ReactorPool reactors(1);
  observe::Registry registry;
  ManualClock clock;
  RemoteProducer producer(reactors, nobody(reactors), registry, clock);
  CHECK(producer.health().ok());
  CHECK(publish_one(producer).code() == Code::unavailable);
  CHECK(producer.health().code() == Code::unavailable);
  clock.advance(kFailureCounts - milliseconds(1));
  CHECK(producer.health().code() == Code::unavailable);
  // A fail-fast composite publishes nothing until it is: without this it never would again.
  clock.advance(milliseconds(1));
  CHECK(producer.health().ok());
}

}  // namespace
}  // namespace millrace::queue
