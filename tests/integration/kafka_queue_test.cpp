// What a queue in Kafka must stand, beyond the conformance suite: brokers that die, stand still or
// refuse, messages that aren't ours, partitions that move, and work that is finished out of order.
#include <catch2/catch.hpp>

#include "conformance/harness.h"
#include "integration/kafka_rig.h"
#include "integration/steps.h"

namespace millrace::integration {
namespace {

using Catch::Matchers::Contains;
using conformance::Deliveries;
using fakes::make_message;
using fakes::make_messages;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Publishes to the rig's topic as a stranger would.
void publish_raw(const queue::KafkaOptions& options, std::string_view bytes) {
  auto conf = queue::make_kafka_conf(options, {});
  REQUIRE(conf.has_value());
  const auto handle = queue::make_kafka_handle(RD_KAFKA_PRODUCER, std::move(*conf)).value();
  REQUIRE(queue::produce(handle->get(), {.topic = options.topic, .partition = 0, .value = bytes}) ==
          RD_KAFKA_RESP_ERR_NO_ERROR);
  REQUIRE(rd_kafka_flush(handle->get(), 5000) == RD_KAFKA_RESP_ERR_NO_ERROR);
}

Message from(const std::string& source, std::size_t number) {
  return Message::encode({.id = source + "-" + std::to_string(number),
                          .timestamp = 1,
                          .source = source,
                          .payload = "p",
                          .metadata = {}});
}

std::vector<Message> from_many_sources(std::size_t count, std::size_t first = 0) {
  std::vector<Message> messages;
  for (std::size_t i = first; i < first + count; ++i) {
    messages.push_back(from("s" + std::to_string(i % 16), i));
  }
  return messages;
}

void publish_all(queue::Producer& producer, std::vector<Message> batch) {
  for (const Status& verdict : verdicts_of(*publish(producer, std::move(batch)))) {
    REQUIRE(verdict.ok());
  }
}

// So many deliveries, held.
Deliveries hold(queue::Consumer& consumer, std::size_t count, Duration patience = seconds(15)) {
  Deliveries held;
  const Time deadline = in(patience);
  while (held.size() < count && std::chrono::steady_clock::now() < deadline) {
    static_cast<void>(consumer.receive(held, count - held.size(), in(milliseconds(200)), {}));
  }
  return held;
}

TEST_CASE("what isn't a message of ours becomes a dead letter, and the consumer goes on") {
  KafkaRig rig(fresh_kafka_options());
  publish_raw(rig.options(), "\xff not a message");
  publish_raw(rig.options(), "");
  REQUIRE(publish_one(rig.producer(), make_message(1)).ok());
  const auto ids = take_until(rig.consumer(), [](const auto& all) { return !all.empty(); });
  CHECK(ids == std::multiset<std::string>{"m-1"});
  // The receiver buries what is foreign on its way.
  const auto rest = take_until(
      rig.consumer(), [&](const auto&) { return rig.consumer().consumer_stats().rejected == 2; });
  CHECK(rest.empty());
  const auto page = rig.dead_letters().list("", 10);
  REQUIRE(page.has_value());
  REQUIRE(page->letters.size() == 2);
  CHECK(page->letters[0].wire == "");
  CHECK(page->letters[1].wire == "\xff not a message");
  CHECK(page->letters[1].id == "");
  CHECK_THAT(page->letters[1].reason, Contains("not a message of ours"));
  CHECK(page->letters[1].origin.stream == rig.options().topic);
  CHECK(page->letters[1].origin.partition == 0);
  CHECK(page->letters[1].origin.position == 0);
}

TEST_CASE("a message that Kafka doesn't take is too large before it is sent") {
  KafkaRig rig(fresh_kafka_options());
  const Status verdict = publish_one(rig.producer(), make_message(1, std::string(1 << 20, 'x')));
  CHECK(verdict.code() == Code::too_large);
  CHECK_THAT(verdict.text(), Contains("1048"));
  CHECK(rig.producer().producer_stats().refused == 1);
}

TEST_CASE("settings that the client doesn't take are named, without their values") {
  queue::KafkaOptions options = fresh_kafka_options();
  options.properties = {{"sasl.no.such", "secret"}};
  fakes::ThreadExecutor executor;
  queue::KafkaProducer producer(options, executor);
  const Status started = producer.start();
  CHECK(started.code() == Code::invalid);
  CHECK_THAT(started.text(), Contains("sasl.no.such") && !Contains("secret"));
}

TEST_CASE("a topic that can't be created: not ready, says why, refuses at once") {
  queue::KafkaOptions options = fresh_kafka_options();
  options.replicas = 9;
  fakes::ThreadExecutor executor;
  queue::KafkaProducer producer(options, executor);
  REQUIRE(producer.start().ok());
  CHECK(eventually(
      [&] { return producer.health().text().find("can't be created") != std::string::npos; }));
  CHECK_THAT(producer.health().text(), Contains(options.topic) && Contains(options.brokers));
  CHECK(publish_one(producer, make_message(1)).code() == Code::unavailable);
}

TEST_CASE("a replay is told from the message that it was") {
  KafkaRig rig(fresh_kafka_options());
  std::vector<Message> batch = make_messages(1);
  batch.push_back(make_message(0));
  batch.back().set_replay(UINT64_MAX);
  publish_all(rig.producer(), std::move(batch));
  Deliveries held = hold(rig.consumer(), 2);
  REQUIRE(held.size() == 2);
  CHECK(held[0].message().replay() == 0);
  CHECK(held[1].message().replay() == UINT64_MAX);
}

TEST_CASE("dead letters: newest first, in pages, gone once replayed") {
  KafkaRig rig(fresh_kafka_options());
  queue::KafkaDeadLetters& store = rig.dead_letters();
  const auto messages = make_messages(5);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto letter = queue::DeadLetter::of(messages[i], "why\r\nnot", 3);
    letter.origin = {"T", 2, static_cast<std::int64_t>(i), 1'700'000'000'000};
    REQUIRE(store.write({&letter, 1}).ok());
    REQUIRE(store.write({&letter, 1}).ok());  // as after an unknown outcome
  }
  const auto ids_of = [](const queue::DeadLetterPage& page) {
    std::vector<std::string> ids;
    for (const auto& letter : page.letters) ids.push_back(letter.id);
    return ids;
  };
  const auto first = store.list("", 2).value();
  CHECK(ids_of(first) == std::vector<std::string>{"m-4", "m-3"});
  CHECK(first.letters[0].reason == "why\r\nnot");
  CHECK(first.letters[0].wire == messages[4].wire());
  CHECK(first.letters[0].attempts == 3);
  CHECK(first.letters[0].origin.stream == "T");
  CHECK(first.letters[0].origin.partition == 2);
  CHECK(first.letters[0].origin.position == 4);
  CHECK(first.letters[0].origin.first_failed_ms == 1'700'000'000'000);
  CHECK(first.letters[0].dead_lettered_ms > 1'700'000'000'000);
  for (int i = 0; i < 2; ++i) {
    CHECK(store.mark_replayed(std::vector{first.letters[1].key}).text() == "");
  }
  CHECK(ids_of(store.list("", 2).value()) == std::vector<std::string>{"m-4", "m-2"});
  const auto rest = store.list(first.next, 10).value();
  CHECK(ids_of(rest) == std::vector<std::string>{"m-2", "m-1", "m-0"});
  CHECK(rest.next.empty());
  CHECK(store.list("x", 1).error().code() == Code::invalid);
  CHECK(store.mark_replayed(std::vector<std::string>{"x"}).code() == Code::invalid);
  queue::KafkaDeadLetters another(rig.options());  // as another process sees it
  REQUIRE(another.start().ok());
  REQUIRE(eventually([&] { return another.health().ok(); }));
  CHECK(ids_of(another.list("", 9).value()) ==
        std::vector<std::string>{"m-4", "m-2", "m-1", "m-0"});
}

TEST_CASE("a letter from memory that fails again after its replay is another letter") {
  KafkaRig rig(fresh_kafka_options());
  const Message message = make_message(1);
  const auto letter = queue::DeadLetter::of(message, "no", 3);
  REQUIRE(rig.dead_letters().write({&letter, 1}).ok());
  const auto first = rig.dead_letters().list("", 9).value();
  REQUIRE(first.letters.size() == 1);
  REQUIRE(rig.dead_letters().write({&letter, 1}).ok());  // before the replay is marked
  REQUIRE(rig.dead_letters().mark_replayed(std::vector{first.letters[0].key}).ok());
  const auto left = rig.dead_letters().list("", 9).value();
  REQUIRE(left.letters.size() == 1);
  CHECK(left.letters[0].id == "m-1");
}

TEST_CASE("thousands of dead letters are listed page by page") {
  KafkaRig rig(fresh_kafka_options());
  constexpr std::size_t kCount = 3000;
  const auto messages = make_messages(kCount);
  std::vector<queue::DeadLetter> letters;
  for (const Message& message : messages) {
    letters.push_back(queue::DeadLetter::of(message, "no", 1));
  }
  REQUIRE(rig.dead_letters().write(letters).ok());
  std::set<std::string> ids;
  std::string after;
  do {
    const auto page = rig.dead_letters().list(after, 500);
    REQUIRE(page.has_value());
    for (const auto& letter : page->letters) ids.insert(letter.id);
    after = page->next;
  } while (!after.empty());
  CHECK(ids.size() == kCount);
}

TEST_CASE("work finished out of order: what wasn't finished comes again after a restart") {
  KafkaRig rig(fresh_kafka_options());
  publish_all(rig.producer(), make_messages(10));
  Deliveries held = hold(rig.consumer(), 10);
  REQUIRE(held.size() == 10);
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (i != 2) std::move(held[i]).ack();
  }
  held.clear();
  rig.restart();
  const auto again = take_until(rig.consumer(), [](const auto& ids) { return ids.size() >= 8; });
  CHECK(again.size() == 8);  // from the first unsettled on
  CHECK(again.count("m-2") == 1);
  CHECK(again.count("m-1") == 0);
}

TEST_CASE("a retry comes after its delay, as the next attempt, and knows when it first failed") {
  KafkaRig rig(fresh_kafka_options());
  publish_all(rig.producer(), make_messages(2));
  Deliveries held = hold(rig.consumer(), 2);
  REQUIRE(held.size() == 2);
  CHECK(held[0].attempt() == 1);
  const Time before = std::chrono::steady_clock::now();
  std::move(held[0]).retry(milliseconds(300), "again");
  std::move(held[1]).ack();
  held = hold(rig.consumer(), 1);
  REQUIRE(held.size() == 1);
  CHECK(std::chrono::steady_clock::now() - before >= milliseconds(300));
  CHECK(held[0].message().id() == "m-0");
  CHECK(held[0].attempt() == 2);
  CHECK(held[0].origin().first_failed_ms > 0);
  CHECK(held[0].origin().position == 0);
  std::move(held[0]).ack();
}

TEST_CASE("a second processor takes its share, and what was in work isn't acked for it") {
  queue::KafkaOptions options = fresh_kafka_options();
  options.revoke_patience = milliseconds(300);
  KafkaRig rig(options);
  publish_all(rig.producer(), from_many_sources(400));
  Deliveries held = hold(rig.consumer(), 400);
  REQUIRE(held.size() == 400);
  // It takes one of two partitions away, with all that is in work of it.
  queue::KafkaConsumer other(options, rig.dead_letters());
  REQUIRE(other.start().ok());
  Deliveries moved = hold(other, 1);
  REQUIRE(moved.size() == 1);
  const std::int32_t partition = moved[0].origin().partition;
  for (auto& delivery : held) std::move(delivery).ack();
  held.clear();
  moved.clear();  // given back
  rig.consumer().stop_accepting();
  REQUIRE(rig.consumer().drain(in(seconds(5))).ok());
  rig.end();  // leaves the group: the other has both partitions now, and gets what isn't settled
  const auto ids = take_until(
      other, [](const auto&) { return false; }, seconds(4));
  CHECK(ids.size() > 0);
  CHECK(ids.size() < 400);
  const auto stats = other.consumer_stats();
  CHECK(stats.waiting == 0);
  CHECK(partition >= 0);
  other.stop_accepting();
  CHECK(other.drain(in(seconds(5))).ok());
}

TEST_CASE("what waits is known, also to a processor that has no partition") {
  queue::KafkaOptions options = fresh_kafka_options();
  options.partitions = 1;
  KafkaRig rig(options);
  queue::KafkaConsumer unstarted(options, rig.dead_letters());
  CHECK(unstarted.consumer_stats().waiting == 1);  // not known yet
  publish_all(rig.producer(), make_messages(10));
  const auto waiting = [](queue::Consumer& consumer, std::uint64_t count) {
    return eventually([&] { return consumer.consumer_stats().waiting == count; });
  };
  CHECK(waiting(rig.consumer(), 10));
  Deliveries held = hold(rig.consumer(), 4);
  CHECK(waiting(rig.consumer(), 6));
  std::move(held[0]).retry(seconds(60), "later");
  CHECK(waiting(rig.consumer(), 7));
  queue::KafkaConsumer other(options, rig.dead_letters());
  REQUIRE(other.start().ok());
  CHECK(waiting(other, 0));
}

TEST_CASE("what a dead processor had comes to another when its session has ended") {
  queue::KafkaOptions options = fresh_kafka_options();
  KafkaRig rig(options);
  publish_all(rig.producer(), from_many_sources(100));
  Deliveries held = hold(rig.consumer(), 100);
  REQUIRE(held.size() == 100);
  queue::KafkaConsumer other(options, rig.dead_letters());
  REQUIRE(other.start().ok());
  rig.consumer().abort();
  held.clear();
  rig.end();
  const auto ids = take_until(other, [](const auto& all) { return distinct(all) == 100; });
  CHECK(distinct(ids) == 100);
}

TEST_CASE("a broker that isn't there: refused at once, ready by itself when it comes", "[kills]") {
  TestServer server("KAFKA");
  const queue::KafkaOptions options = fresh_kafka_options();
  server.kill();
  fakes::ThreadExecutor executor;
  queue::KafkaProducer producer(options, executor);
  REQUIRE(producer.start().ok());
  CHECK(producer.health().code() == Code::unavailable);
  const Time before = std::chrono::steady_clock::now();
  CHECK(publish_one(producer, make_message(1)).code() == Code::unavailable);
  CHECK(std::chrono::steady_clock::now() - before < seconds(1));
  CHECK(eventually(
      [&] { return producer.health().text().find("Connection refused") != std::string::npos; }));
  CHECK_THAT(producer.health().text(), Contains(server.address()));
  server.restart();
  CHECK(eventually([&] { return producer.health().ok(); }));
  CHECK(publish_one(producer, make_message(2)).ok());
}

TEST_CASE("a broker killed and restarted under load: stored is kept, refused isn't there",
          "[kills]") {
  TestServer server("KAFKA");
  KafkaRig rig(fresh_kafka_options());
  expect_kept_through_kills(server, rig);
}

TEST_CASE("a broker that stands still: no verdict is no refusal", "[kills]") {
  TestServer server("KAFKA");
  KafkaRig rig(fresh_kafka_options());
  Publishing publishing(rig.producer(), milliseconds(500));
  REQUIRE(eventually([&] { return publishing.count(Code::ok) > 200; }));
  server.suspend();
  REQUIRE(eventually([&] { return publishing.count(Code::deadline) > 0; }));
  // The library gives up, and from then on they are refused at once.
  REQUIRE(eventually([&] { return publishing.count(Code::unavailable) > 0; }));
  server.resume();
  REQUIRE(eventually([&] { return rig.health().ok(); }));
  const std::size_t before = publishing.count(Code::ok);
  REQUIRE(eventually([&] { return publishing.count(Code::ok) > before + 20; }));
  auto published = publishing.stop();
  expect_kept(rig.consumer(), published);
}

TEST_CASE("all ends within bounds while the broker stands still", "[kills]") {
  TestServer server("KAFKA");
  auto rig = std::make_unique<KafkaRig>(fresh_kafka_options());
  publish_all(rig->producer(), make_messages(500));
  Deliveries held = hold(rig->consumer(), 10);
  REQUIRE(held.size() == 10);
  server.suspend();
  const auto unanswered = publish(rig->producer(), make_messages(100, 1000), seconds(1));
  const Time begin = std::chrono::steady_clock::now();
  rig->producer().stop_accepting();
  rig->consumer().stop_accepting();
  for (auto& delivery : held) std::move(delivery).ack();
  held.clear();
  CHECK(rig->consumer().drain(in(seconds(3))).ok());
  static_cast<void>(rig->producer().drain(in(seconds(3))));
  rig.reset();
  CHECK(std::chrono::steady_clock::now() - begin < seconds(15));
  for (const Status& verdict : verdicts_of(*unanswered)) CHECK(verdict.code() == Code::deadline);
}

}  // namespace
}  // namespace millrace::integration
