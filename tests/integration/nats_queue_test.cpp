// What a queue in JetStream must stand, beyond the conformance suite: a server that dies, stands
// still or refuses, messages that aren't ours, and several processors.
#include <catch2/catch.hpp>
#include <set>

#include "conformance/harness.h"
#include "integration/nats_rig.h"
#include "integration/steps.h"

namespace millrace::integration {
namespace {

using Catch::Matchers::Contains;
using conformance::Deliveries;
using fakes::make_message;
using fakes::make_messages;
using std::chrono::seconds;

// Publishes to the rig's subject as a stranger would.
void publish_raw(const queue::NatsOptions& options, std::string_view bytes) {
  natsConnection* connection = nullptr;
  REQUIRE(natsConnection_ConnectTo(&connection, options.urls[0].c_str()) == NATS_OK);
  CHECK(natsConnection_Publish(connection, options.subject.c_str(), bytes.data(),
                               static_cast<int>(bytes.size())) == NATS_OK);
  CHECK(natsConnection_Flush(connection) == NATS_OK);
  natsConnection_Destroy(connection);
}

TEST_CASE("what isn't a message of ours becomes a dead letter, and the consumer goes on") {
  NatsRig rig(fresh_nats_options());
  publish_raw(rig.options(), "\xff not a message");
  REQUIRE(publish_one(rig.producer(), make_message(1)).ok());
  const auto ids = take_until(rig.consumer(), [](const auto& all) { return !all.empty(); });
  CHECK(ids == std::multiset<std::string>{"m-1"});
  REQUIRE(eventually([&] { return rig.consumer().consumer_stats().rejected == 1; }));
  const auto page = rig.dead_letters().list("", 10);
  REQUIRE(page.has_value());
  REQUIRE(page->letters.size() == 1);
  CHECK(page->letters[0].wire == "\xff not a message");
  CHECK(page->letters[0].id == "");
  CHECK_THAT(page->letters[0].reason, Contains("not a message of ours"));
  CHECK(page->letters[0].origin.stream == rig.options().stream);
  CHECK(page->letters[0].origin.position == 1);
}

TEST_CASE("a message that the server doesn't take is too large before it is sent") {
  NatsRig rig(fresh_nats_options());
  const Status verdict = publish_one(rig.producer(), make_message(1, std::string(1 << 20, 'x')));
  CHECK(verdict.code() == Code::too_large);
  CHECK_THAT(verdict.text(), Contains("1048"));
  CHECK(rig.producer().producer_stats().refused == 1);
}

TEST_CASE("how full the stream is, by its own bounds, which the settings need not know") {
  queue::NatsOptions options = fresh_nats_options();
  options.max_messages = 17;
  options.max_bytes = 100'000;
  { const NatsRig made(options); }
  options.max_messages = 1'000;
  options.max_bytes = 0;
  NatsRig rig(options);
  for (const std::size_t i : {1U, 2U, 3U}) {
    REQUIRE(publish_one(rig.producer(), make_message(i)).ok());
  }
  REQUIRE(eventually([&] { return rig.consumer().fill()->messages == 3; }));
  const queue::Fill fill = rig.consumer().fill().value();
  CHECK(fill.messages_max == 17);
  CHECK(fill.bytes > 0);
  CHECK(fill.bytes_max == 100'000);
}

TEST_CASE("an id is stored once, its replay once more") {
  NatsRig rig(fresh_nats_options());
  Message replay = make_message(1);
  replay.set_replay(7);
  for (const Message& message : {make_message(1), make_message(1), replay, replay}) {
    CHECK(publish_one(rig.producer(), message).ok());
  }
  Deliveries held;
  while (held.size() < 2) REQUIRE(rig.consumer().receive(held, 3, in(seconds(10)), {}).ok());
  CHECK(held[0].message().replay() + held[1].message().replay() == 7);
  for (auto& delivery : held) std::move(delivery).ack();
  const auto ids = take_until(
      rig.consumer(), [](const auto& all) { return !all.empty(); }, seconds(1));
  CHECK(ids.empty());
}

TEST_CASE("dead letters: newest first, in pages, gone once replayed") {
  NatsRig rig(fresh_nats_options());
  queue::NatsDeadLetters& store = rig.dead_letters();
  const auto messages = make_messages(5);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto letter = queue::DeadLetter::of(messages[i], "why\r\nnot", 3);
    letter.origin = {"S", -1, static_cast<std::int64_t>(i + 1), 1'700'000'000'000};
    const Status written = store.write({&letter, 1});
    CAPTURE(written.text());
    REQUIRE(written.ok());
    REQUIRE(store.write({&letter, 1}).ok());  // as after an unknown outcome
  }
  const auto ids_of = [](const queue::DeadLetterPage& page) {
    std::vector<std::string> ids;
    for (const auto& letter : page.letters) ids.push_back(letter.id);
    return ids;
  };
  auto first = store.list("", 2).value();
  CHECK(ids_of(first) == std::vector<std::string>{"m-4", "m-3"});
  CHECK(first.letters[0].reason == "why  not");
  CHECK(first.letters[0].wire == messages[4].wire());
  CHECK(first.letters[0].attempts == 3);
  CHECK(first.letters[0].origin.first_failed_ms == 1'700'000'000'000);
  CHECK(first.letters[0].dead_lettered_ms > 1'700'000'000'000);
  CHECK(first.letters[1].key == "4");
  CHECK(store.mark_replayed(std::vector{first.letters[1].key}).text() == "");
  CHECK(store.mark_replayed(std::vector{first.letters[1].key}).text() == "");
  CHECK(ids_of(store.list("", 2).value()) == std::vector<std::string>{"m-4", "m-2"});
  const auto rest = store.list(first.next, 10).value();
  CHECK(ids_of(rest) == std::vector<std::string>{"m-2", "m-1", "m-0"});
  CHECK(rest.next.empty());
  CHECK(store.list("x", 1).error().code() == Code::invalid);
  CHECK(store.mark_replayed(std::vector<std::string>{"x"}).code() == Code::invalid);
}

TEST_CASE("a letter from memory that fails again after its replay is another letter") {
  NatsRig rig(fresh_nats_options());
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

TEST_CASE("two processors share the work, and one takes over what the other leaves") {
  queue::NatsOptions options = fresh_nats_options();
  options.ack_wait = std::chrono::milliseconds(600);
  options.frame_messages = 1;
  NatsRig rig(options);
  auto other = std::make_unique<queue::NatsConsumer>(options, rig.dead_letters());
  REQUIRE(other->start().ok());
  REQUIRE(eventually([&] { return other->health().ok(); }));
  constexpr std::size_t kCount = 2000;
  for (const Status& verdict : verdicts_of(*publish(rig.producer(), make_messages(kCount)))) {
    REQUIRE(verdict.ok());
  }
  // The other holds some, longer than ack_wait: nobody else gets them meanwhile.
  Deliveries held;
  REQUIRE(eventually([&] {
    static_cast<void>(other->receive(held, 100 - held.size(), in(seconds(1)), {}));
    return held.size() == 100;
  }));
  std::set<std::string> held_ids;
  for (const auto& delivery : held) held_ids.emplace(delivery.message().id());
  other->stop_accepting();  // what it has fetched and not handed out goes back
  auto ids = take_until(rig.consumer(),
                        [&](const auto& all) { return distinct(all) == kCount - held.size(); });
  CHECK(distinct(ids) == kCount - held.size());
  auto more = take_until(
      rig.consumer(), [](const auto& all) { return !all.empty(); }, 2 * options.ack_wait);
  CHECK(more.empty());
  held.clear();  // given back
  more = take_until(rig.consumer(), [&](const auto& all) { return all.size() >= 100; });
  CHECK(std::set<std::string>(more.begin(), more.end()) == held_ids);
  CHECK(other->drain(in(seconds(5))).ok());
}

TEST_CASE("what a dead processor had comes again after ack_wait, as another attempt") {
  queue::NatsOptions options = fresh_nats_options();
  options.ack_wait = std::chrono::milliseconds(500);
  NatsRig rig(options);
  REQUIRE(publish_one(rig.producer(), make_message(1)).ok());
  // Dies: fetches as a stranger, and says nothing any more.
  natsConnection* connection = nullptr;
  REQUIRE(natsConnection_ConnectTo(&connection, options.urls[0].c_str()) == NATS_OK);
  natsConnection_Destroy(connection);
  Deliveries held;
  REQUIRE(rig.consumer().receive(held, 1, in(seconds(5)), {}).ok());
  REQUIRE(held.size() == 1);
  CHECK(held[0].attempt() == 1);
  std::move(held[0]).retry(std::chrono::milliseconds(1), "again");
  held.clear();
  REQUIRE(rig.consumer().receive(held, 1, in(seconds(5)), {}).ok());
  REQUIRE(held.size() == 1);
  CHECK(held[0].attempt() == 2);
  CHECK(held[0].origin().first_failed_ms > 0);
  std::move(held[0]).ack();
}

TEST_CASE("a stream that differs is left as it is, one without our subject is refused") {
  queue::NatsOptions options = fresh_nats_options();
  { const NatsRig rig(options); }
  options.max_messages = 17;
  { const NatsRig differing(options); }  // a warning, no failure
  options.subject = "elsewhere." + options.stream;
  fakes::ThreadExecutor executor;
  queue::NatsProducer producer(options, executor);
  REQUIRE(producer.start().ok());
  CHECK(eventually([&] {
    return producer.health().text().find("doesn't have the subject") != std::string::npos;
  }));
  CHECK(publish_one(producer, make_message(1)).code() == Code::unavailable);
}

TEST_CASE("a server that isn't there: refused at once, ready by itself when it comes", "[kills]") {
  TestServer server("NATS");
  const queue::NatsOptions options = fresh_nats_options();
  server.kill();
  fakes::ThreadExecutor executor;
  queue::NatsProducer producer(options, executor);
  REQUIRE(producer.start().ok());
  CHECK(producer.health().code() == Code::unavailable);
  const Time before = std::chrono::steady_clock::now();
  CHECK(publish_one(producer, make_message(1)).code() == Code::unavailable);
  CHECK(std::chrono::steady_clock::now() - before < seconds(1));
  CHECK(eventually(
      [&] { return producer.health().text().find(server.address()) != std::string::npos; }));
  server.restart();
  CHECK(eventually([&] { return producer.health().ok(); }));
  CHECK(publish_one(producer, make_message(2)).ok());
}

TEST_CASE("a server killed and restarted under load: stored is kept, refused isn't there",
          "[kills]") {
  TestServer server("NATS");
  NatsRig rig(fresh_nats_options());
  expect_kept_through_kills(server, rig);
}

TEST_CASE("a server that stands still: no verdict is no refusal", "[kills]") {
  TestServer server("NATS");
  NatsRig rig(fresh_nats_options());
  Publishing publishing(rig.producer(), std::chrono::milliseconds(500));
  REQUIRE(eventually([&] { return publishing.count(Code::ok) > 200; }));
  server.suspend();
  REQUIRE(eventually([&] { return publishing.count(Code::deadline) > 0; }));
  server.resume();
  REQUIRE(eventually([&] { return rig.health().ok(); }));
  const std::size_t before = publishing.count(Code::ok);
  REQUIRE(eventually([&] { return publishing.count(Code::ok) > before + 20; }));
  auto published = publishing.stop();
  expect_kept(rig.consumer(), published);
}

TEST_CASE("all ends within bounds while the server stands still", "[kills]") {
  TestServer server("NATS");
  auto rig = std::make_unique<NatsRig>(fresh_nats_options());
  for (const Status& verdict : verdicts_of(*publish(rig->producer(), make_messages(500)))) {
    REQUIRE(verdict.ok());
  }
  Deliveries held;
  REQUIRE(rig->consumer().receive(held, 10, in(seconds(5)), {}).ok());
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
  CHECK(std::chrono::steady_clock::now() - begin < seconds(10));
  for (const Status& verdict : verdicts_of(*unanswered)) CHECK(verdict.code() == Code::deadline);
}

}  // namespace
}  // namespace millrace::integration
