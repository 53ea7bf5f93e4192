#include <algorithm>

#include "conformance/checks.h"
#include "conformance/harness.h"

namespace millrace::conformance {
namespace {

using fakes::make_messages;

// Ids, gathered by many threads.
class IdBook {
 public:
  void add(const Ids& ids) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ids_.insert(ids.begin(), ids.end());
  }
  Ids get() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return ids_;
  }

 private:
  Mutex mutex_;
  Ids ids_ GUARDED_BY(mutex_);
};

// Publishes batches of 1 to 7 and writes down what was accepted. What is refused, because the queue
// is full, is published again with the next ones.
void produce(Session& session, const Fixture& fixture, std::size_t first, std::size_t count,
             IdBook& accepted) {
  const Time deadline = session.in(fixture.patience);
  std::vector<Message> left = make_messages(count, first);
  for (std::size_t size = 1; !left.empty(); size = size % 7 + 1) {
    size = std::min(size, left.size());
    const std::vector<Message> batch(left.begin(),
                                     left.begin() + static_cast<std::ptrdiff_t>(size));
    auto verdicts = session.publish_async(batch)->wait(fixture.patience);
    if (!verdicts || verdicts->size() != size) return;  // another check's business
    Ids ids;
    for (std::size_t i = size; i-- > 0;) {
      if (!(*verdicts)[i].ok()) continue;
      ids.emplace(batch[i].id());
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
    }
    accepted.add(ids);
    if (ids.empty() && system_clock().now() > deadline) return;
    if (ids.empty()) std::this_thread::yield();
  }
}

// Until what was accepted was delivered too, or for `patience`.
void wait_for_all(IdBook& accepted, IdBook& delivered, Duration patience) {
  const Ids sent = accepted.get();
  const Time deadline = system_clock().now() + patience;
  Event later;
  for (;;) {
    const Ids came = delivered.get();
    if (std::includes(came.begin(), came.end(), sent.begin(), sent.end())) return;
    if (system_clock().now() > deadline) return;
    later.wait(std::chrono::milliseconds(5));
  }
}

void consume(Session& session, const Fixture& fixture, std::size_t max, IdBook& delivered) {
  const Time deadline = session.in(fixture.patience);
  while (system_clock().now() < deadline) {
    Deliveries out;
    const Status status = session.consumer().receive(out, max, deadline, {});
    delivered.add(ids_of(out));
    ack_all(std::move(out));
    if (!status.ok()) return;
  }
}

}  // namespace

void accepted_equals_delivered(const Fixture& fixture) {
  constexpr std::size_t kProducers = 4;
  constexpr std::size_t kConsumers = 3;
  constexpr std::size_t kPerProducer = 300;
  Session session(fixture, 64);
  IdBook accepted;
  IdBook delivered;
  {
    std::vector<std::jthread> consumers;
    for (std::size_t c = 0; c < kConsumers; ++c) {
      consumers.emplace_back([&, c] { consume(session, fixture, 1 + 8 * c, delivered); });
    }
    {
      std::vector<std::jthread> producers;
      for (std::size_t p = 0; p < kProducers; ++p) {
        producers.emplace_back(
            [&, p] { produce(session, fixture, 1000 * p, kPerProducer, accepted); });
      }
    }
    if (fixture.features.leaves_the_rest) wait_for_all(accepted, delivered, fixture.patience);
    session.stop_accepting();
  }
  const Ids sent = accepted.get();
  Ids came = delivered.get();
  if (fixture.features.may_duplicate) {
    const std::set<std::string> once(came.begin(), came.end());
    came = Ids(once.begin(), once.end());
  }
  Ids lost;
  std::set_difference(sent.begin(), sent.end(), came.begin(), came.end(),
                      std::inserter(lost, lost.end()));
  Ids extra;
  std::set_difference(came.begin(), came.end(), sent.begin(), sent.end(),
                      std::inserter(extra, extra.end()));
  expect(lost.empty(), "accepted but never delivered: " + to_text(lost));
  expect(extra.empty(), "delivered twice or never accepted: " + to_text(extra));
  expect(sent.size() == kProducers * kPerProducer,
         "only " + std::to_string(sent.size()) + " messages were accepted in time");
}

void receive_respects_max(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(20));
  std::size_t left = 20;
  for (const std::size_t max : {1U, 3U, 5U}) {
    Deliveries out;
    const Status status = session.consumer().receive(out, max, session.in(fixture.patience), {});
    expect(status.ok() && !out.empty(), "nothing was received: " + to_string(status));
    expect(out.size() <= max,
           "asked for " + std::to_string(max) + " at most, got " + std::to_string(out.size()));
    left -= out.size();
    ack_all(std::move(out));
  }
  // What is there already stays in `out`: receive appends.
  Deliveries rest = session.receive(1);
  (void)session.consumer().receive(rest, 1, session.in(fixture.patience), {});
  expect(rest.size() == 2, "receive didn't append");
  left -= rest.size();
  ack_all(std::move(rest));
  ack_all(session.receive(left));
}

void receive_keeps_its_deadline(const Fixture& fixture) {
  Session session(fixture);
  for (const Duration delay : {Duration(0), fixture.quiet}) {
    Deliveries out;
    const Time deadline = session.in(delay);
    const Status status = session.consumer().receive(out, 10, deadline, {});
    const Time now = system_clock().now();
    expect(status.ok(), "an empty queue answered " + to_string(status));
    expect(out.empty(), "an empty queue delivered something");
    expect(now >= deadline, "receive came back empty before its deadline");
    expect(now <= deadline + fixture.lateness_max, "receive came back long after its deadline");
  }
}

void stop_wakes_a_receive(const Fixture& fixture) {
  Session session(fixture);
  std::stop_source stop;
  Event returned;
  Status status;
  Deliveries out;
  {
    const std::jthread receiver = start(returned, [&] {
      status = session.consumer().receive(out, 10, session.in(fixture.patience), stop.get_token());
    });
    const bool early = returned.wait(fixture.quiet);
    stop.request_stop();
    const bool woken = returned.wait(std::min(fixture.lateness_max, fixture.patience / 2));
    expect(!early, "receive came back before stop was requested");
    expect(woken, "a parked receive didn't notice stop");
  }
  expect(status.ok() && out.empty(), "a stopped receive answered " + to_string(status));
}

void publish_wakes_a_receive(const Fixture& fixture) {
  Session session(fixture);
  Event returned;
  Deliveries out;
  {
    const std::jthread receiver = start(returned, [&] {
      (void)session.consumer().receive(out, 10, session.in(fixture.patience), {});
    });
    returned.wait(fixture.quiet);
    session.publish_ok(make_messages(1));
    expect(returned.wait(std::min(fixture.lateness_max, fixture.patience / 2)),
           "a parked receive didn't notice a message");
  }
  expect(out.size() == 1, "a woken receive delivered nothing");
  ack_all(std::move(out));
}

void return_wakes_a_receive(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(2));
  Deliveries held = session.receive(2);
  for (queue::Delivery& delivery : held) {
    Event returned;
    Deliveries out;
    {
      const std::jthread receiver = start(returned, [&] {
        (void)session.consumer().receive(out, 10, session.in(fixture.patience), {});
      });
      returned.wait(fixture.quiet);
      if (&delivery == &held.front()) {
        std::move(delivery).retry(fixture.quiet, "conformance");
      } else {
        const queue::Delivery dropped = std::move(delivery);
      }
      expect(returned.wait(std::min(fixture.lateness_max, fixture.patience / 2)),
             "a parked receive didn't notice a message that came back");
    }
    expect(out.size() == 1, "a woken receive delivered nothing");
    ack_all(std::move(out));
  }
}

}  // namespace millrace::conformance
