// Many requests on one connection: the order of the answers, and how much is taken at once.
#include <catch2/catch.hpp>

#include "http/test_conversation.h"

namespace millrace::http {
namespace {

using namespace testing;

TEST_CASE("answers leave in the order of the requests") {
  TestConversation t;
  t.receive(get("/late") + get("/hello") + get("/late") + get("/late"));
  CHECK(t.take().empty());
  CHECK(t.late.size() == 3);
  t.answer_late(1, "third");
  t.answer_late(1, "fourth");
  CHECK(t.take().empty());
  CHECK(t.outputs == 0);
  t.answer_late(0, "first");
  CHECK(t.outputs == 1);
  const auto responses = t.take();
  REQUIRE(responses.size() == 4);
  CHECK(responses[0].body == "first");
  CHECK(responses[1].body == "hello");
  CHECK(responses[2].body == "third");
  CHECK(responses[3].body == "fourth");
}

TEST_CASE("each answer carries its own request id") {
  TestConversation t;
  t.receive(get("/late", "X-Request-Id: a\r\n") + get("/late", "X-Request-Id: b\r\n"));
  t.answer_late(1, "");
  t.answer_late(0, "");
  const auto responses = t.take();
  REQUIRE(responses.size() == 2);
  CHECK(responses[0].header("X-Request-Id") == "a");
  CHECK(responses[1].header("X-Request-Id") == "b");
}

TEST_CASE("any number of requests in one buffer is answered") {
  TestConversation t;
  std::string bytes;
  for (int i = 0; i < 500; ++i) bytes += get("/hello");
  t.receive(bytes);
  CHECK(t.take().size() == 500);
  CHECK(t.conversation->requests() == 500);
}

TEST_CASE("unanswered requests are bounded, and what waits is taken up again") {
  TestConversation t;
  std::string bytes;
  for (std::size_t i = 0; i < kPipelinedMax + 10; ++i) bytes += get("/late");
  t.receive(bytes);
  CHECK(t.late.size() == kPipelinedMax);
  CHECK(!t.conversation->wants_input());
  CHECK(!t.conversation->finished());
  t.receive(get("/hello"));  // it comes all the same: behind what waits
  CHECK(t.late.size() == kPipelinedMax);

  t.answer_late(0, "a");
  t.answer_late(0, "b");
  CHECK(t.outputs == 2);
  t.conversation->resume();
  CHECK(t.late.size() == kPipelinedMax);
  CHECK(t.take().size() == 2);
  CHECK(!t.conversation->wants_input());  // 8 wait inside

  while (!t.late.empty()) {
    t.answer_late(0, "c");
    t.conversation->resume();
  }
  const auto rest = t.take();
  REQUIRE(rest.size() == kPipelinedMax + 9);
  CHECK(rest.back().body == "hello");
  CHECK(t.conversation->wants_input());
  CHECK(t.conversation->phase() == Conversation::Phase::idle);
}

TEST_CASE("a request that is cut by the bound goes on") {
  TestConversation t;
  std::string bytes;
  for (std::size_t i = 0; i < kPipelinedMax; ++i) bytes += get("/late");
  t.receive(bytes + "POST /echo HTTP/1.1\r\nHo");
  t.receive("st: h\r\nContent-Length: 4\r\n\r\nbo");
  while (!t.late.empty()) t.answer_late(0, "");
  CHECK(t.take().size() == kPipelinedMax);
  t.conversation->resume();
  CHECK(t.conversation->phase() == Conversation::Phase::reading);
  t.receive("dy");
  CHECK(t.take_one().body == "body");
}

TEST_CASE("output that nobody takes is bounded") {
  TestConversation t;
  std::string bytes;
  for (int i = 0; i < 10; ++i) bytes += get("/large");
  t.receive(bytes);
  CHECK(t.conversation->requests() == 1);
  CHECK(!t.conversation->wants_input());
  CHECK(!t.conversation->finished());
  std::size_t taken = 0;
  for (int turn = 0; turn < 10; ++turn) {
    taken += t.take().size();
    t.conversation->resume();
  }
  CHECK(taken == 10);
  CHECK(t.conversation->wants_input());
}

TEST_CASE("resuming when nothing waits does nothing") {
  TestConversation t;
  t.conversation->resume();
  CHECK(t.take().empty());
}

TEST_CASE("the phase says what the connection waits for") {
  using Phase = Conversation::Phase;
  TestConversation t;
  CHECK(t.conversation->phase() == Phase::idle);
  t.receive("G");
  CHECK(t.conversation->phase() == Phase::reading);
  t.receive(get("/late").substr(1));
  CHECK(t.conversation->phase() == Phase::handling);
  t.receive("G");
  CHECK(t.conversation->phase() == Phase::handling);
  t.answer_late(0, "");
  CHECK(t.conversation->phase() == Phase::reading);
  t.receive(get("/hello").substr(1));
  CHECK(t.conversation->phase() == Phase::idle);
}

}  // namespace
}  // namespace millrace::http
