// Frames on a real server: what is stored as one, and what becomes of a frame whose messages have
// different fates.
#include <catch2/catch.hpp>

#include "base/uuid.h"
#include "conformance/harness.h"
#include "integration/nats_rig.h"
#include "integration/steps.h"
#include "queue/nats/nats_frame.h"

namespace millrace::integration {
namespace {

using Catch::Matchers::Contains;
using conformance::Deliveries;
using fakes::make_message;
using fakes::make_messages;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A stranger at the same server.
class Stranger {
 public:
  explicit Stranger(queue::NatsOptions options) : options_(std::move(options)) {
    natsConnection* connection = nullptr;
    REQUIRE(natsConnection_ConnectTo(&connection, options_.urls[0].c_str()) == NATS_OK);
    jsCtx* js = nullptr;
    REQUIRE(natsConnection_JetStream(&js, connection, nullptr) == NATS_OK);
    session_.emplace(connection, js);
  }

  // How many the stream has.
  std::uint64_t stored() { return info()->State.Msgs; }

  void limit_message_size(int bytes) {
    const auto now = info();
    now->Config->MaxMsgSize = bytes;
    REQUIRE(js_UpdateStream(nullptr, session_->js(), now->Config, nullptr, nullptr) == NATS_OK);
  }

  void publish_frame(const std::string& body, const char* count) {
    natsMsg* raw = nullptr;
    REQUIRE(natsMsg_Create(&raw, options_.subject.c_str(), nullptr, body.data(),
                           static_cast<int>(body.size())) == NATS_OK);
    const queue::NatsMessage message(raw);
    REQUIRE(natsMsgHeader_Set(raw, queue::kNatsFrameHeader, count) == NATS_OK);
    REQUIRE(js_PublishMsg(nullptr, session_->js(), raw, nullptr, nullptr) == NATS_OK);
  }

 private:
  queue::NatsStreamInfo info() {
    jsStreamInfo* raw = nullptr;
    REQUIRE(js_GetStreamInfo(&raw, session_->js(), options_.stream.c_str(), nullptr, nullptr) ==
            NATS_OK);
    return queue::NatsStreamInfo(raw);
  }

  const queue::NatsOptions options_;
  std::optional<queue::NatsSession> session_;
};

void publish_all(queue::Producer& producer, std::vector<Message> batch) {
  for (const Status& verdict : verdicts_of(*publish(producer, std::move(batch)))) {
    REQUIRE(verdict.ok());
  }
}

Deliveries receive(queue::Consumer& consumer, std::size_t count) {
  Deliveries out;
  while (out.size() < count) {
    const std::size_t before = out.size();
    REQUIRE(consumer.receive(out, count - before, in(seconds(10)), {}).ok());
    REQUIRE(out.size() > before);
  }
  return out;
}

Message with_id(std::string id) {
  MessageFields fields;
  fields.id = std::move(id);
  fields.source = "test";
  return Message::encode(fields);
}

TEST_CASE("what is published together is stored together, but for what may be published again") {
  NatsRig rig(fresh_nats_options());
  Stranger stranger(rig.options());
  const std::string derived = Uuid::derived("test", "key").text();
  Message replay = make_message(999);
  replay.set_replay(1);
  auto batch = make_messages(300);
  batch.insert(batch.begin() + 100, with_id(derived));
  batch.push_back(replay);
  publish_all(rig.producer(), batch);
  CHECK(stranger.stored() == 4);  // 100, the one with the key, 200, the replay
  publish_all(rig.producer(), {with_id(derived), make_message(300)});
  CHECK(stranger.stored() == 5);
  auto ids = take_until(rig.consumer(), [](const auto& all) { return all.size() >= 303; });
  CHECK(ids.size() == 303);
  CHECK(distinct(ids) == 303);
  CHECK(eventually([&] { return stranger.stored() == 0; }));
}

TEST_CASE("a frame has as many messages as the setting allows, and 256 KiB") {
  queue::NatsOptions options = fresh_nats_options();
  options.frame_messages = 10;
  NatsRig rig(options);
  Stranger stranger(options);
  publish_all(rig.producer(), make_messages(25));
  CHECK(stranger.stored() == 3);
  std::vector<Message> large;  // 300 KiB each: none has room for another
  for (std::size_t i = 0; i < 3; ++i)
    large.push_back(make_message(100 + i, std::string(300'000, 'x')));
  publish_all(rig.producer(), std::move(large));
  CHECK(stranger.stored() == 6);
}

TEST_CASE("a frame is no repetition of another that has one of its messages") {
  NatsRig rig(fresh_nats_options());
  publish_all(rig.producer(), {make_message(1), make_message(2)});
  publish_all(rig.producer(), {make_message(1), make_message(3)});
  const auto ids = take_until(rig.consumer(), [](const auto& all) { return all.size() == 4; });
  CHECK(ids == std::multiset<std::string>{"m-1", "m-1", "m-2", "m-3"});
}

TEST_CASE("a frame is no larger than the stream's messages may be") {
  const queue::NatsOptions options = fresh_nats_options();
  { const NatsRig makes_the_stream(options); }
  Stranger stranger(options);
  stranger.limit_message_size(5000);
  NatsRig rig(options);
  std::vector<Message> batch;
  for (std::size_t i = 0; i < 10; ++i) batch.push_back(make_message(i, std::string(1500, 'x')));
  publish_all(rig.producer(), std::move(batch));
  CHECK(stranger.stored() == 4);
  CHECK(publish_one(rig.producer(), make_message(10, std::string(6000, 'x'))).code() ==
        Code::too_large);
}

TEST_CASE("a frame in work is nobody else's, however long it takes") {
  queue::NatsOptions options = fresh_nats_options();
  options.ack_wait = milliseconds(600);
  NatsRig rig(options);
  publish_all(rig.producer(), make_messages(10));
  Deliveries held = receive(rig.consumer(), 4);  // the rest isn't handed out
  queue::NatsConsumer other(options, rig.dead_letters());
  REQUIRE(other.start().ok());
  Deliveries none;
  CHECK(other.receive(none, 10, in(3 * options.ack_wait), {}).ok());
  CHECK(none.empty());
  while (held.size() < 10) REQUIRE(rig.consumer().receive(held, 10, in(seconds(5)), {}).ok());
  for (auto& delivery : held) {
    CHECK(delivery.attempt() == 1);
    std::move(delivery).ack();
  }
}

TEST_CASE("abort gives back a frame that was handed out in part") {
  NatsRig rig(fresh_nats_options());
  publish_all(rig.producer(), make_messages(10));
  Deliveries held = receive(rig.consumer(), 4);
  rig.consumer().abort();
  Deliveries none;
  CHECK(rig.consumer().receive(none, 10, in(seconds(5)), {}).code() == Code::closed);
  CHECK(none.empty());
  std::move(held[0]).ack();
  held.clear();
  rig.restart();
  held = receive(rig.consumer(), 10);
  conformance::ack_all(std::move(held));
}

TEST_CASE("retries that wait don't let the whole stream into memory") {
  queue::NatsOptions options = fresh_nats_options();
  options.frame_messages = 2;
  options.prefetch_bytes = 100'000;
  NatsRig rig(options);
  std::vector<Message> batch;
  for (std::size_t i = 0; i < 400; ++i) batch.push_back(make_message(i, std::string(1000, 'x')));
  publish_all(rig.producer(), std::move(batch));
  std::size_t given_back = 0;
  for (Deliveries held; rig.consumer().receive(held, 100, in(seconds(1)), {}).ok();) {
    if (held.empty()) break;
    given_back += held.size();
    for (auto& delivery : held) std::move(delivery).retry(std::chrono::minutes(1), "not yet");
    held.clear();
  }
  CHECK(given_back >= 90);
  CHECK(given_back < 300);
}

TEST_CASE("one of a frame is tried again without the others") {
  NatsRig rig(fresh_nats_options());
  Stranger stranger(rig.options());
  publish_all(rig.producer(), make_messages(10));
  Deliveries held = receive(rig.consumer(), 10);
  const Time before = std::chrono::steady_clock::now();
  for (auto& delivery : held) {
    if (delivery.message().id() == "m-3") {
      std::move(delivery).retry(milliseconds(100), "not yet");
    } else if (delivery.message().id() == "m-4") {
      std::move(delivery).reject("never");
    } else {
      std::move(delivery).ack();
    }
  }
  held = receive(rig.consumer(), 1);
  CHECK(std::chrono::steady_clock::now() - before >= milliseconds(100));
  CHECK(held[0].message().id() == "m-3");
  CHECK(held[0].attempt() == 2);
  CHECK(held[0].origin().first_failed_ms > 0);
  CHECK(stranger.stored() == 1);
  held.clear();  // dropped without a verdict: at once, the same attempt
  held = receive(rig.consumer(), 1);
  CHECK(held[0].attempt() == 2);
  std::move(held[0]).ack();
  CHECK(eventually([&] { return stranger.stored() == 0; }));
  const auto stats = rig.consumer().consumer_stats();
  CHECK(stats.received == 12);
  CHECK(stats.acked == 9);
  CHECK(stats.retried == 1);
  CHECK(stats.rejected == 1);
  CHECK(stats.nacked == 1);
  CHECK(stats.in_flight == 0);
}

TEST_CASE("a frame that was handed out in part is handed out whole before the end") {
  NatsRig rig(fresh_nats_options());
  publish_all(rig.producer(), make_messages(10));
  Deliveries held = receive(rig.consumer(), 4);
  rig.consumer().stop_accepting();
  while (rig.consumer().receive(held, 4, in(seconds(5)), {}).code() != Code::closed) {
    conformance::ack_all(std::exchange(held, {}));
  }
  CHECK(rig.consumer().consumer_stats().acked == 10);
  CHECK(rig.consumer().drain(in(seconds(5))).ok());
  rig.restart();
  Deliveries more;
  CHECK(rig.consumer().receive(more, 1, in(milliseconds(500)), {}).ok());
  CHECK(more.empty());
}

TEST_CASE("what waits for another attempt when we close goes back, and its frame with it") {
  NatsRig rig(fresh_nats_options());
  publish_all(rig.producer(), make_messages(5));
  Deliveries held = receive(rig.consumer(), 5);
  const Time due = in(seconds(3));
  std::move(held[2]).retry(seconds(3), "not yet");
  for (auto& delivery : held) {
    if (delivery.message().id() != "m-2") std::move(delivery).ack();
  }
  held.clear();
  rig.consumer().stop_accepting();
  CHECK(rig.consumer().receive(held, 1, in(seconds(5)), {}).code() == Code::closed);
  CHECK(rig.consumer().drain(in(seconds(5))).ok());
  rig.restart();
  CHECK(rig.consumer().receive(held, 5, in(milliseconds(200)), {}).ok());
  CHECK(held.empty());  // not before the one that failed is due
  held = receive(rig.consumer(), 5);
  CHECK(std::chrono::steady_clock::now() >= due);
  for (auto& delivery : held) {
    CHECK(delivery.attempt() == 2);
    std::move(delivery).ack();
  }
}

TEST_CASE("what isn't ours in a frame becomes a dead letter, each by itself") {
  NatsRig rig(fresh_nats_options());
  Stranger stranger(rig.options());
  const Message good = make_message(1);
  const std::string body = queue::pack_frame({"\xff one", good.wire(), "\xff two"});
  stranger.publish_frame(body, "3");
  stranger.publish_frame(body, "2");
  stranger.publish_frame(body, "18446744073709551616");
  const auto ids = take_until(rig.consumer(), [](const auto& all) { return !all.empty(); });
  CHECK(ids == std::multiset<std::string>{"m-1"});
  REQUIRE(eventually([&] {
    Deliveries none;
    static_cast<void>(rig.consumer().receive(none, 1, in(milliseconds(20)), {}));
    return rig.consumer().consumer_stats().rejected == 4;
  }));
  const auto page = rig.dead_letters().list("", 10);
  REQUIRE(page.has_value());
  std::multiset<std::string> letters;
  for (const auto& letter : page->letters) letters.insert(letter.wire);
  CHECK(letters == std::multiset<std::string>{"\xff one", "\xff two", body, body});
  CHECK(eventually([&] { return stranger.stored() == 0; }));
}

}  // namespace
}  // namespace millrace::integration
