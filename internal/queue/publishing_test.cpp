#include "queue/publishing.h"

#include <catch2/catch.hpp>
#include <optional>

#include "fakes/executors.h"
#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using fakes::make_message;
using fakes::make_messages;

struct Books {
  explicit Books(PublishLimits limits = {}) : books(limits, executor) {}

  PublishBooks::Opened open(std::vector<Message> batch) {
    return books.open(batch, [this](std::vector<Status> answered) {
      verdicts = std::move(answered);
      ++calls;
    });
  }

  fakes::ManualExecutor executor;
  PublishBooks books;
  std::optional<std::vector<Status>> verdicts;
  int calls = 0;
};

TEST_CASE("done is posted once the last message has its verdict") {
  Books t;
  auto [publication, admitted] = t.open(make_messages(3));
  REQUIRE(admitted == 3);
  publication->judge(2, {});
  publication->judge(0, Status(Code::deadline, "late"));
  t.executor.run_all();
  CHECK(t.calls == 0);
  CHECK(t.books.stats().in_flight == 3);
  publication->judge(1, Status(Code::full, "full"));
  CHECK(t.calls == 0);  // not inline
  t.executor.run_all();
  REQUIRE(t.calls == 1);
  CHECK((*t.verdicts)[0].code() == Code::deadline);
  CHECK((*t.verdicts)[1].code() == Code::full);
  CHECK((*t.verdicts)[2].ok());
  const ProducerStats stats = t.books.stats();
  CHECK(stats.published == 3);
  CHECK(stats.stored == 1);
  CHECK(stats.refused == 1);
  CHECK(stats.unknown == 1);
  CHECK(stats.in_flight == 0);
}

TEST_CASE("what is more than allowed on its way is refused as full, from the batch's end") {
  Books t({.messages = 4, .bytes = 1 << 20});
  auto first = t.open(make_messages(3));
  auto second = t.open(make_messages(3, 10));
  CHECK(first.admitted == 3);
  REQUIRE(second.admitted == 1);
  second.publication->judge(0, {});
  t.executor.run_all();
  REQUIRE(t.calls == 1);
  CHECK((*t.verdicts)[0].ok());
  CHECK((*t.verdicts)[1].code() == Code::full);
  CHECK((*t.verdicts)[2].code() == Code::full);
  for (std::size_t i = 0; i < 3; ++i) first.publication->judge(i, {});
  CHECK(t.open(make_messages(4, 20)).admitted == 4);
}

TEST_CASE("bytes are bounded too, but one message goes through whatever its size") {
  Books t({.messages = 100, .bytes = 1000});
  auto large = t.open([] {
    std::vector<Message> one;
    one.push_back(make_message(1, std::string(5000, 'x')));
    return one;
  }());
  CHECK(large.admitted == 1);
  CHECK(t.open(make_messages(1, 10)).admitted == 0);
  large.publication->judge(0, {});
  CHECK(t.open(make_messages(1, 20)).admitted == 1);
}

TEST_CASE("closed books admit nothing, and drain waits for what was admitted") {
  Books t;
  auto open = t.open(make_messages(1));
  t.books.close();
  CHECK(t.open(make_messages(2, 10)).admitted == 0);
  t.executor.run_all();
  CHECK((*t.verdicts)[0].code() == Code::closed);
  const Time soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
  CHECK(t.books.drain(soon).code() == Code::deadline);
  open.publication->judge(0, {});
  t.executor.run_all();
  CHECK(t.books.drain(Time::max()).ok());
}

TEST_CASE("an empty batch is answered") {
  Books t;
  t.open({});
  t.executor.run_all();
  REQUIRE(t.calls == 1);
  CHECK(t.verdicts->empty());
}

}  // namespace
}  // namespace millrace::queue
