#include "edge/ingest/ingest_core.h"

#include <catch2/catch.hpp>

#include "diplom/v1/diplom.pb.h"
#include "edge/test_edge.h"

namespace millrace::edge {
namespace {

using testing::FakeProducer;
using testing::Publication;

constexpr Duration kTimeout = std::chrono::seconds(5);

Result<IngestItem> item(std::string source, std::string key = {}) {
  return IngestItem{{std::move(source), "data", {{"k", "v"}}}, std::move(key)};
}

struct Core {
  // Answers of one call; empty as long as there are none.
  std::vector<IngestAnswer> answers;
  int answered = 0;

  void ingest(std::vector<Result<IngestItem>> items) {
    core.ingest(std::move(items), clock.now() + kTimeout, [this](std::vector<IngestAnswer> all) {
      answers = std::move(all);
      ++answered;
    });
  }
  // The id that an item gets.
  std::string id_of(const Result<IngestItem>& one) {
    ingest({one});
    producer.take().answer({});
    return answers.at(0).message_id;
  }

  FakeProducer producer;
  observe::Registry registry;
  ManualClock clock;
  IngestCore core{producer, registry, {}, clock};
};

TEST_CASE("nothing is accepted before the queue has it") {
  Core t;
  t.ingest({item("a"), item("b")});
  CHECK(t.answered == 0);
  CHECK(t.core.stats().received == 2);
  CHECK(t.core.stats().sent == 0);
  Publication publication = t.producer.take();
  REQUIRE(publication.batch.size() == 2);
  CHECK(publication.deadline == t.clock.now() + kTimeout);
  publication.done({Status(), Status(Code::full, "the queue is full")});
  REQUIRE(t.answered == 1);
  CHECK(t.answers[0].status.ok());
  CHECK(t.answers[0].message_id == publication.batch[0].id());
  CHECK(t.answers[1].status == Status(Code::full, "the queue is full"));
  CHECK(t.core.stats().sent == 1);
  CHECK(t.core.stats().failed == 1);
}

TEST_CASE("a message is what was sent, with an id and the time") {
  Core t;
  t.ingest({item("source")});
  const Publication publication = t.producer.take();
  diplom::v1::DataMessage message;
  REQUIRE(publication.batch.at(0).parse_into(message));
  CHECK(message.source() == "source");
  CHECK(message.payload() == "data");
  CHECK(message.metadata().at("k") == "v");
  CHECK(message.timestamp() == t.clock.unix_ms() / 1000);
  CHECK(message.id() == publication.batch[0].id());
}

TEST_CASE("bad items fail alone, and the answers keep their order") {
  Core t;
  t.ingest({Status(Code::invalid, "not JSON"), item("good"), item(""), item("also good")});
  Publication publication = t.producer.take();
  REQUIRE(publication.batch.size() == 2);
  CHECK(publication.batch[0].source() == "good");
  CHECK(publication.batch[1].source() == "also good");
  publication.answer({});
  REQUIRE(t.answers.size() == 4);
  CHECK(t.answers[0].status == Status(Code::invalid, "not JSON"));
  CHECK(t.answers[0].message_id.empty());
  CHECK(t.answers[1].message_id == publication.batch[0].id());
  CHECK(t.answers[2].status.code() == Code::rejected);
  CHECK(t.answers[2].status.text().find("source") != std::string::npos);
  CHECK(t.answers[3].message_id == publication.batch[1].id());
  CHECK(t.core.stats().received == 2);
}

TEST_CASE("with nothing to publish the queue isn't asked") {
  Core t;
  t.ingest({Status(Code::invalid, "not JSON")});
  CHECK(t.answered == 1);
  t.ingest({});
  CHECK(t.answered == 2);
  CHECK(t.answers.empty());
  CHECK(t.producer.published() == 0);
}

TEST_CASE("ids are fresh, or derived from source and Idempotency-Key") {
  Core t;
  CHECK(t.id_of(item("a")) != t.id_of(item("a")));
  const std::string id = t.id_of(item("a", "key"));
  CHECK(Core().id_of(item("a", "key")) == id);
  CHECK(t.id_of(item("a", "other")) != id);
  CHECK(t.id_of(item("b", "key")) != id);
  CHECK(t.id_of(item("ak", "ey")) != id);
}

TEST_CASE("a repeat of what the queue has isn't published again, another body is refused") {
  Core t;
  const std::string id = t.id_of(item("a", "key"));
  t.ingest({item("a", "key"), item("b", "key")});
  Publication publication = t.producer.take();
  CHECK(publication.batch.size() == 1);
  publication.answer({});
  CHECK(t.answers[0].status.ok());
  CHECK(t.answers[0].message_id == id);
  CHECK(t.answers[1].message_id != id);
  t.ingest({IngestItem{{"a", "other", {}}, "key"}});
  CHECK(t.answers[0].status.code() == Code::rejected);
  CHECK_THAT(t.answers[0].status.text(), Catch::Contains("Idempotency-Key"));
  const IngestStats stats = t.core.stats();
  CHECK(stats.received == 3);
  CHECK(stats.sent == 3);
}

TEST_CASE("a repeat of what was refused, or is unknown, is published again") {
  for (const Code code : {Code::full, Code::deadline}) {
    Core t;
    t.ingest({item("a", "key")});
    t.producer.take().answer(Status(code, "no"));
    t.ingest({item("a", "key")});
    t.producer.take().answer({});
    CHECK(t.answers[0].status.ok());
  }
}

TEST_CASE("an Idempotency-Key is bounded") {
  Core t;
  CHECK_FALSE(t.id_of(item("a", std::string(kIdempotencyKeyBytesMax, 'k'))).empty());
  t.ingest({item("a", std::string(kIdempotencyKeyBytesMax + 1, 'k'))});
  CHECK(t.answers.at(0).status.code() == Code::rejected);
  CHECK(t.answers[0].status.text().find("Idempotency-Key") != std::string::npos);
}

}  // namespace
}  // namespace millrace::edge
