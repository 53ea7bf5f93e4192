#include "conformance/checks.h"
#include "conformance/harness.h"

namespace millrace::conformance {

using fakes::make_messages;

void nacked_comes_again(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(3));
  session.receive(3).clear();  // dropped without a verdict
  Deliveries again = session.receive(3);
  expect(ids_of(again) == ids_of(make_messages(3)), "came again: " + to_text(ids_of(again)));
  for (const queue::Delivery& delivery : again) {
    expect(delivery.attempt() == 1, "a delivery without a verdict was counted as an attempt");
  }
  ack_all(std::move(again));
}

void retried_comes_again(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(1));
  std::size_t late_copies = 0;
  for (std::uint32_t attempt = 1; attempt <= 4;) {
    queue::Delivery delivery = session.receive_one();
    expect(delivery.message().id() == "m-0", "another message came");
    const bool late_copy = fixture.features.has_copies && delivery.attempt() < attempt;
    expect(delivery.attempt() == attempt || late_copy, "expected attempt " +
                                                           std::to_string(attempt) + ", got " +
                                                           std::to_string(delivery.attempt()));
    if (late_copy) expect(++late_copies <= 8, "only late copies come any more");
    if (!late_copy && attempt++ == 4) {
      std::move(delivery).ack();
    } else {
      std::move(delivery).retry(Duration(0), "conformance");
    }
  }
}

void retry_waits_for_its_delay(const Fixture& fixture) {
  require_feature(fixture.features.delayed_retry, "able to delay a retry");
  Session session(fixture);
  session.publish_ok(make_messages(2));
  Deliveries held = session.receive(2);
  const Duration delay = 2 * fixture.quiet;
  const Time due = session.in(delay);
  const std::string sooner(held[1].message().id());
  std::move(held[0]).retry(delay + fixture.quiet, "conformance");
  std::move(held[1]).retry(delay, "conformance");
  Deliveries again = session.receive(1);
  expect(system_clock().now() >= due, "a retry came before its delay was over");
  expect(again[0].message().id() == sooner, "the retry with the longer delay came first");
  ack_all(std::move(again));
  ack_all(session.receive(1));
}

void acked_never_comes_again(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(5));
  ack_all(session.receive(5));
  const auto rest = session.ack_the_rest();
  expect(rest.empty(), std::to_string(rest.size()) + " acked messages came again");
}

void rejected_never_comes_again(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(5));
  for (queue::Delivery& delivery : session.receive(5)) std::move(delivery).reject("conformance");
  const auto rest = session.ack_the_rest();
  expect(rest.empty(), std::to_string(rest.size()) + " rejected messages came again");
}

void consumer_books_balance(const Fixture& fixture) {
  Session session(fixture);
  session.publish_ok(make_messages(10));
  Deliveries held = session.receive(10);
  for (std::size_t i = 0; i < 4; ++i) std::move(held[i]).ack();
  std::move(held[4]).retry(std::chrono::hours(1), "conformance");
  std::move(held[5]).retry(std::chrono::hours(1), "conformance");
  std::move(held[6]).reject("conformance");
  { const queue::Delivery dropped = std::move(held[7]); }

  const queue::ConsumerStats stats = session.consumer().consumer_stats();
  const bool copies = fixture.features.has_copies;
  const auto is = [copies](const char* what, std::uint64_t count, std::uint64_t expected) {
    expect(count == expected || (copies && count > expected),
           std::string(what) + " is " + std::to_string(count) + " instead of " +
               std::to_string(expected));
  };
  is("acked", stats.acked, 4);
  is("retried", stats.retried, 2);
  is("rejected", stats.rejected, 1);
  is("nacked", stats.nacked, 1);
  is("in_flight", stats.in_flight, 2);
  is("received", stats.received, 10);
  expect(stats.received ==
             stats.acked + stats.retried + stats.rejected + stats.nacked + stats.in_flight,
         "received isn't the sum of what became of it");
}

void producer_books_balance(const Fixture& fixture) {
  constexpr std::size_t kCapacity = 6;
  Session session(fixture, kCapacity);
  std::uint64_t stored = 0;
  std::uint64_t published = 0;
  for (const std::size_t size : {2U, 3U, 4U}) {
    published += size;
    for (const Status& verdict : session.publish(make_messages(size, 10 * size))) {
      if (verdict.ok()) ++stored;
    }
  }
  const queue::ProducerStats stats = session.producer().producer_stats();
  expect(stats.published == published, "published is " + std::to_string(stats.published) +
                                           " instead of " + std::to_string(published));
  expect(stats.stored == stored,
         "stored is " + std::to_string(stats.stored) + " instead of " + std::to_string(stored));
  expect(stats.in_flight == 0, "every verdict came, yet in_flight isn't 0");
  expect(stats.published == stats.stored + stats.refused + stats.unknown + stats.in_flight,
         "published isn't the sum of its parts");
}

}  // namespace millrace::conformance
