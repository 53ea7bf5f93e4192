#include <array>

#include "conformance/checks.h"
#include "conformance/harness.h"

namespace millrace::conformance {

using fakes::make_messages;

void closed_refuses_publishing(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(1));
  session.producer().stop_accepting();
  for (const Status& verdict : session.publish(make_messages(3, 10))) {
    expect(verdict.code() == Code::closed, "a publish after the close got " + to_string(verdict));
  }
  expect(!session.producer().health().ok(), "a closed producer calls itself healthy");
  const auto rest = session.ack_the_rest();
  expect(rest == std::vector<std::string>{"m-0"}, "a message refused as closed was delivered");
}

void accepted_is_delivered_before_closed(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(12));
  session.stop_accepting();
  // One comes back twice on the way: as long as it isn't settled, the queue isn't at its end.
  if (!fixture.features.leaves_the_rest) {
    session.receive(1).clear();
    std::move(session.receive(1).front()).retry(Duration(0), "conformance");
  }
  auto rest = session.ack_until_closed();
  if (fixture.features.leaves_the_rest) {
    session.restart();
    const auto left = session.ack_the_rest();
    rest.insert(rest.end(), left.begin(), left.end());
    return expect(std::set(rest.begin(), rest.end()).size() == 12,
                  "before closed and after a restart came " + to_text({rest.begin(), rest.end()}));
  }
  expect(Ids(rest.begin(), rest.end()) == ids_of(make_messages(12)),
         "before closed came " + std::to_string(rest.size()) + " of 12 messages");
  Deliveries out;
  const Status status = session.consumer().receive(out, 1, session.in(fixture.patience), {});
  expect(status.code() == Code::closed, "after closed came " + to_string(status));
}

void receivers_wake_at_the_end(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(1));
  Deliveries held = session.receive(1);
  std::array<Event, 3> returned;
  std::array<Status, 3> statuses;
  std::array<Deliveries, 3> outs;
  {
    std::vector<std::jthread> receivers;
    for (std::size_t i = 0; i < returned.size(); ++i) {
      receivers.push_back(start(returned[i], [&, i] {
        statuses[i] = session.consumer().receive(outs[i], 1, session.in(fixture.patience), {});
      }));
    }
    returned[0].wait(fixture.quiet);
    session.stop_accepting();
    expect(!returned[0].wait(fixture.quiet), "closed was said while a message was in flight");
    ack_all(std::move(held));
    for (Event& event : returned) {
      expect(event.wait(fixture.patience / 2), "a parked receiver wasn't woken at the end");
    }
  }
  for (const Status& status : statuses) {
    expect(status.code() == Code::closed, "a parked receiver was told " + to_string(status));
  }
}

void drain_waits_for_settlement(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(2));
  Deliveries held = session.receive(2);
  session.stop_accepting();
  Event returned;
  Status status;
  {
    const std::jthread drainer =
        start(returned, [&] { status = session.consumer().drain(session.in(fixture.patience)); });
    const bool early = returned.wait(fixture.quiet);
    std::move(held[0]).ack();
    const bool half = returned.wait(fixture.quiet);
    std::move(held[1]).ack();
    const bool ended = returned.wait(fixture.patience / 2);
    expect(!early && !half, "drain came back while a message was in flight");
    expect(ended, "drain didn't notice the last settlement");
  }
  expect(status.ok(), "drain said " + to_string(status));
  const Status producer = session.producer().drain(session.in(fixture.patience));
  expect(producer.ok(), "the producer's drain said " + to_string(producer));
}

void drain_keeps_its_deadline(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(1));
  Deliveries held = session.receive(1);
  session.stop_accepting();
  const Time deadline = session.in(fixture.quiet);
  const Status status = session.consumer().drain(deadline);
  const Time now = system_clock().now();
  expect(status.code() == Code::deadline, "drain said " + to_string(status));
  expect(now >= deadline, "drain gave up before its deadline");
  expect(now <= deadline + fixture.lateness_max, "drain came back long after its deadline");
  ack_all(std::move(held));
}

void abort_calls_every_done(const Fixture& fixture) {
  Session session(fixture);
  std::vector<std::shared_ptr<Publication>> publications;
  for (std::size_t i = 0; i < 20; ++i) {
    publications.push_back(session.publish_async(make_messages(5, 10 * i)));
  }
  session.producer().abort();
  for (const auto& publication : publications) {
    const auto verdicts = publication->wait(fixture.patience);
    expect(verdicts.has_value(), "abort left a done uncalled");
    expect(verdicts->size() == 5, "a verdict is missing after abort");
  }
}

void accepted_survives_a_restart(const Fixture& fixture) {
  require_feature(fixture.features.durable, "durable");
  Session session(fixture);
  session.publish_ok(make_messages(6));
  Deliveries first = session.receive(3);
  const Ids acked{std::string(first[0].message().id())};
  std::move(first[0]).ack();
  first.clear();  // the other two had no verdict
  session.restart();
  const auto rest = session.ack_the_rest();
  Ids all(rest.begin(), rest.end());
  all.insert(acked.begin(), acked.end());
  if (fixture.features.may_duplicate) {
    const std::set<std::string> once(all.begin(), all.end());
    all = Ids(once.begin(), once.end());
  }
  expect(all == ids_of(make_messages(6)), "acked or delivered after the restart: " + to_text(all));
}

}  // namespace millrace::conformance
