#include <algorithm>

#include "conformance/checks.h"
#include "conformance/harness.h"

namespace millrace::conformance {

using fakes::make_message;
using fakes::make_messages;

void done_is_called_once(const Fixture& fixture) {
  Session session(fixture);
  std::vector<std::shared_ptr<Publication>> publications;
  for (const std::size_t size : {1U, 3U, 10U}) {
    publications.push_back(session.publish_async(make_messages(size, 100 * size)));
  }
  for (const auto& publication : publications) {
    expect(publication->wait(fixture.patience).has_value(), "done was not called");
  }
  // A second call would have been made by the time the queue is at its end.
  session.publish_ok(make_messages(1));
  session.ack_the_rest();
  for (const auto& publication : publications) {
    expect(publication->calls() == 1,
           "done was called " + std::to_string(publication->calls()) + " times");
  }
}

void done_is_never_inline(const Fixture& fixture) {
  Session session(fixture, 4);
  std::vector<std::shared_ptr<Publication>> publications;
  publications.push_back(session.publish_async(make_messages(3)));
  publications.push_back(session.publish_async(make_messages(3, 10)));
  session.producer().stop_accepting();
  publications.push_back(session.publish_async(make_messages(3, 20)));
  for (const auto& publication : publications) {
    expect(publication->wait(fixture.patience).has_value(), "done was not called");
    expect(!publication->was_inline(), "done was called inside publish");
  }
}

void one_verdict_per_message(const Fixture& fixture) {
  Session session(fixture);
  for (const std::size_t size : {1U, 2U, 7U, 64U}) session.publish_ok(make_messages(size));
  session.stop_accepting();
  for (const std::size_t size : {1U, 5U}) session.publish(make_messages(size));
}

void batches_keep_their_order(const Fixture& fixture) {
  require_feature(fixture.features.ordered, "ordered");
  Session session(fixture);
  std::vector<std::string> expected;
  for (std::size_t first = 0, size = 1; size <= 16; first += size, ++size) {
    auto batch = make_messages(size, first);
    for (const Message& message : batch) expected.emplace_back(message.id());
    session.publish_ok(std::move(batch));
  }
  expect(session.ack_the_rest() == expected, "the messages came in another order");
}

void messages_arrive_intact(const Fixture& fixture) {
  Session session(fixture);
  std::map<std::string, std::string> sent;
  std::vector<Message> batch;
  for (const std::size_t size : {0U, 1U, 255U, 256U, 4096U, 65536U}) {
    std::string payload(size, '\0');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 31 % 256);
    batch.push_back(make_message(size, std::move(payload)));
    sent.emplace(batch.back().id(), batch.back().wire());
  }
  const std::size_t count = batch.size();
  session.publish_ok(std::move(batch));
  Deliveries received = session.receive(count);
  for (const queue::Delivery& delivery : received) {
    const std::string id(delivery.message().id());
    expect(sent.contains(id), "a message with the unknown id '" + id + "' came");
    expect(delivery.message().wire() == sent[id], "the bytes of " + id + " were changed");
    expect(delivery.attempt() == 1,
           "the first delivery of " + id + " says attempt " + std::to_string(delivery.attempt()));
  }
  ack_all(std::move(received));
}

void full_is_said(const Fixture& fixture) {
  require_feature(fixture.features.bounded, "bounded");
  constexpr std::size_t kCapacity = 8;
  Session session(fixture, kCapacity);
  const auto verdicts = session.publish(make_messages(kCapacity + 4));
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const Code expected = i < kCapacity ? Code::ok : Code::full;
    expect(verdicts[i].code() == expected, "message " + std::to_string(i) + " of a queue for " +
                                               std::to_string(kCapacity) + " got " +
                                               to_string(verdicts[i]));
    expect(verdicts[i].ok() || !verdicts[i].text().empty(), "a refusal without a text");
  }
}

void unsettled_messages_take_room(const Fixture& fixture) {
  require_feature(fixture.features.bounded, "bounded");
  Session session(fixture, 2);
  session.publish_ok(make_messages(2));
  Deliveries held = session.receive(2);
  expect(session.publish(make_messages(1, 10))[0].code() == Code::full,
         "messages in flight took no room");
  std::move(held[0]).retry(std::chrono::hours(1), "conformance");
  expect(session.publish(make_messages(1, 10))[0].code() == Code::full,
         "a message waiting for its retry took no room");
  std::move(held[1]).ack();
  // Room comes back, if only when the broker has heard of it.
  const Time deadline = session.in(fixture.lateness_max);
  Status verdict;
  do {
    verdict = session.publish(make_messages(1, 20))[0];
  } while (verdict.code() == Code::full && system_clock().now() < deadline);
  expect(verdict.ok(), "an acked message took room: " + to_string(verdict));
}

void refused_is_never_delivered(const Fixture& fixture) {
  require_feature(fixture.features.bounded, "bounded");
  Session session(fixture, 5);
  auto batch = make_messages(9);
  const std::vector<Message> copies = batch;
  const auto verdicts = session.publish(std::move(batch));
  Ids accepted;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].ok()) accepted.emplace(copies[i].id());
  }
  const auto rest = session.ack_the_rest();
  const Ids delivered(rest.begin(), rest.end());
  expect(delivered == accepted,
         "accepted were " + to_text(accepted) + "; delivered were " + to_text(delivered));
}

void late_publish_tells_the_truth(const Fixture& fixture) {
  Session session(fixture);
  const Time past = session.in(-std::chrono::seconds(1));
  const auto verdicts = session.publish_async(make_messages(1), past)->wait(fixture.patience);
  expect(verdicts.has_value() && verdicts->size() == 1, "no verdict came");
  const std::size_t delivered = session.ack_the_rest().size();
  const Status& verdict = verdicts->front();
  if (verdict.code() == Code::deadline) return;  // unknown: it may be there or not
  expect(verdict.ok() == (delivered == 1),
         "the verdict was " + to_string(verdict) + ", delivered were " + std::to_string(delivered));
}

}  // namespace millrace::conformance
