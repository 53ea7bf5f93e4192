#include "queue/nats/nats_outgoing.h"

#include <catch2/catch.hpp>
#include <optional>

#include "base/uuid.h"
#include "fakes/executors.h"
#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using fakes::make_message;
using fakes::make_messages;
using std::chrono::seconds;

// A publication of `count` messages, and what became of them.
struct Published {
  Published(PublishBooks& books, std::size_t count)
      : publication(books
                        .open(make_messages(count),
                              [this](std::vector<Status> answered) { verdicts = answered; })
                        .publication) {}

  std::shared_ptr<Publication> publication;
  std::optional<std::vector<Status>> verdicts;
};

struct Fixture {
  fakes::ManualExecutor executor;
  PublishBooks books{{}, executor};
  Published first{books, 3};
  Published second{books, 1};
  NatsPending pending;
  const Time now = std::chrono::steady_clock::now();

  Fixture() {
    for (std::size_t i = 0; i < 3; ++i) pending.add(first.publication, i, now + seconds(2));
    pending.add(second.publication, 0, now + seconds(1));
  }
};

TEST_CASE("one verdict on all that went together") {
  Fixture t;
  CHECK_FALSE(t.pending.has_one_deadline());
  CHECK(t.pending.deadline() == t.now + seconds(1));
  t.pending.judge({});
  CHECK(t.pending.empty());
  t.executor.run_all();
  REQUIRE(t.first.verdicts);
  REQUIRE(t.second.verdicts);
  for (const Status& verdict : *t.first.verdicts) CHECK(verdict.ok());
  CHECK(t.second.verdicts->front().ok());
}

TEST_CASE("each waits until its own deadline") {
  Fixture t;
  t.pending.no_answer_until(t.now + seconds(1));
  t.executor.run_all();
  REQUIRE(t.second.verdicts);
  CHECK(t.second.verdicts->front().code() == Code::deadline);
  CHECK_FALSE(t.first.verdicts);
  CHECK(t.pending.has_one_deadline());
  CHECK(t.pending.deadline() == t.now + seconds(2));
  t.pending.no_answer();
  CHECK(t.pending.empty());
  t.executor.run_all();
  REQUIRE(t.first.verdicts);
  for (const Status& verdict : *t.first.verdicts) CHECK(verdict.code() == Code::deadline);
}

TEST_CASE("a refusal says nothing of what was sent before") {
  const bool sent = GENERATE(false, true);
  Fixture t;
  if (sent) t.pending.sent();
  t.pending.refuse({Code::full, "full"});
  t.executor.run_all();
  REQUIRE(t.first.verdicts);
  const Code expected = sent ? Code::deadline : Code::full;
  for (const Status& verdict : *t.first.verdicts) CHECK(verdict.code() == expected);
}

TEST_CASE("what goes together: so many, so large, and nothing that may be published again") {
  REQUIRE(nats_Open(-1) == NATS_OK);  // else the first connection does it
  Fixture t;
  t.pending.judge({});
  NatsOptions options;
  options.frame_messages = 2;
  NatsOutgoing gathered(options);
  const Message one = make_message(1);
  const Message two = make_message(2);
  CHECK(gathered.takes(one, 1));  // the first always
  gathered.add(one, t.first.publication, 0, t.now);
  CHECK(gathered.takes(two, 1000));
  CHECK_FALSE(gathered.takes(two, one.wire().size() + two.wire().size()));
  Message replay = make_message(3);
  replay.set_replay(1);
  CHECK_FALSE(gathered.takes(replay, 1000));
  MessageFields fields;
  fields.id = Uuid::derived("source", "key").text();
  fields.source = "source";
  const Message repeatable = Message::encode(fields);
  CHECK_FALSE(gathered.takes(repeatable, 1000));
  gathered.add(two, t.first.publication, 1, t.now);
  CHECK_FALSE(gathered.takes(one, 1000));  // two are enough
  NatsPending pending;
  REQUIRE(gathered.encode(pending).has_value());
  CHECK(pending.has_one_deadline());
  CHECK(gathered.empty());
  gathered.add(repeatable, t.first.publication, 2, t.now);
  CHECK_FALSE(gathered.takes(one, 1000));
}

}  // namespace
}  // namespace millrace::queue
