// How a conversation ends: as the client asks, by an error, a timeout, a drain, or a broken
// connection.
#include <catch2/catch.hpp>

#include "http/test_conversation.h"

namespace millrace::http {
namespace {

using namespace testing;

struct KeepAlive {
  std::string request;
  const char* connection;  // what the answer says
  bool kept;
};

TEST_CASE("the version and the Connection header decide whether it goes on") {
  const std::vector<KeepAlive> cases = {
      {"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", "", true},
      {"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", "", true},
      {"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "close", false},
      {"GET /hello HTTP/1.0\r\n\r\n", "close", false},
      {"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", true},
      {"GET /last HTTP/1.1\r\nHost: h\r\n\r\n", "close", false},
  };
  for (const auto& [request, connection, kept] : cases) {
    INFO(request);
    TestConversation t;
    t.receive(request + get("/hello"));
    auto responses = t.take();
    REQUIRE(responses.size() == (kept ? 2 : 1));
    CHECK(responses[0].header("Connection") == connection);
    CHECK(responses[0].version == (request.find("/1.0") == std::string::npos ? 11U : 10U));
    CHECK(t.conversation->finished() == !kept);
    CHECK(t.conversation->wants_input() == kept);
    CHECK(!t.conversation->must_linger());
  }
}

TEST_CASE("only the last answer says close") {
  TestConversation t;
  t.receive(get("/late") + get("/last") + get("/hello"));
  CHECK(t.conversation->requests() == 3);  // /last wasn't answered when /hello was read
  t.answer_late(0, "");
  const auto responses = t.take();
  REQUIRE(responses.size() == 3);
  CHECK(!responses[0].closes());
  CHECK(!responses[1].closes());
  CHECK(responses[2].closes());
  CHECK(t.conversation->finished());
}

TEST_CASE("an error ends it, once what was asked before is answered") {
  TestConversation t;
  t.receive(get("/late") + "GET / HTTP/1.1\r\n\r\n" + get("/hello"));
  CHECK(t.take().empty());
  CHECK(!t.conversation->finished());
  CHECK(!t.conversation->wants_input());
  t.answer_late(0, "late");
  const auto responses = t.take();
  REQUIRE(responses.size() == 2);
  CHECK(responses[0].body == "late");
  CHECK(!responses[0].closes());
  CHECK(responses[1].status == 400);
  CHECK(responses[1].closes());
  CHECK(t.conversation->finished());
  CHECK(t.conversation->must_linger());
  t.receive(get("/hello"));
  t.conversation->resume();
  CHECK(t.take().empty());
}

TEST_CASE("an error in a body is counted for its route") {
  TestConversation t;
  t.receive("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
            std::string("x"));
  t.receive("\r\n");
  CHECK(t.take_one().status == 400);
  CHECK(t.counted({"route=\"echo\"", "method=\"POST\"", "status=\"400\""}) == 1);
  CHECK(t.bodies.empty());
}

TEST_CASE("a client that sends no more gets what it asked for") {
  TestConversation t;
  t.receive(get("/late") + get("/late"));
  t.conversation->end_of_input();
  CHECK(!t.conversation->finished());
  CHECK(!t.conversation->wants_input());
  t.answer_late(0, "");
  CHECK(!t.conversation->finished());
  t.answer_late(0, "");
  CHECK(t.conversation->finished());
  CHECK(t.take().size() == 2);
}

TEST_CASE("a client that sends no more gets what waited inside, too") {
  TestConversation t;
  std::string bytes;
  for (std::size_t i = 0; i < kPipelinedMax; ++i) bytes += get("/late");
  t.receive(bytes + get("/hello"));
  t.conversation->end_of_input();
  while (!t.late.empty()) t.answer_late(0, "");
  CHECK(!t.conversation->finished());
  t.conversation->resume();
  CHECK(t.conversation->finished());
  CHECK(t.take().size() == kPipelinedMax + 1);
}

TEST_CASE("a client that goes in the middle of a request gets nothing") {
  TestConversation t;
  t.receive("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  t.conversation->end_of_input();
  CHECK(t.conversation->finished());
  CHECK(t.take().empty());
  CHECK(t.counted({}) == 0);
}

TEST_CASE("a request that takes too long gets 408") {
  const std::string whole = post("/echo", "body");
  for (const std::size_t sent : {std::size_t{1}, whole.size() - 1}) {
    TestConversation t;
    t.receive(whole.substr(0, sent));
    t.conversation->time_out();
    const auto response = t.take_one();
    CHECK(response.status == 408);
    CHECK(response.closes());
    CHECK(t.conversation->finished());
    t.receive(whole.substr(sent));
    CHECK(t.take().empty());
    CHECK(t.bodies.empty());
  }
}

TEST_CASE("an idle connection that is closed gets no answer") {
  TestConversation t;
  t.receive(get("/hello"));
  t.take();
  t.conversation->time_out();
  CHECK(t.take().empty());
  CHECK(t.conversation->finished());
  CHECK(!t.conversation->must_linger());
}

TEST_CASE("a drain ends an idle conversation") {
  TestConversation t;
  t.receive(get("/hello"));
  CHECK(!t.take_one().closes());
  t.conversation->begin_drain();
  CHECK(t.conversation->finished());
}

TEST_CASE("a drain may wait for one more request of an idle conversation") {
  TestConversation t;
  t.receive(get("/hello"));
  t.take();
  t.conversation->begin_drain(true);
  CHECK(!t.conversation->finished());
  CHECK(t.conversation->wants_input());
  t.receive(get("/hello"));
  CHECK(t.take_one().closes());
  CHECK(t.conversation->finished());
}

TEST_CASE("a drain that waits for one more request ends what has one already with its answer") {
  TestConversation t;
  t.receive(get("/late"));
  t.conversation->begin_drain(true);
  t.answer_late(0, "");
  CHECK(t.take_one().closes());
  CHECK(t.conversation->finished());
}

TEST_CASE("a drain doesn't wait longer than it is told to") {
  TestConversation t;
  t.conversation->begin_drain(true);
  t.conversation->time_out();
  CHECK(t.take().empty());
  CHECK(t.conversation->finished());
}

TEST_CASE("a drain lets what is under way finish, and says so") {
  TestConversation t;
  t.receive(get("/late") + get("/late"));
  t.conversation->begin_drain();
  CHECK(!t.conversation->finished());
  t.answer_late(0, "");
  CHECK(!t.take_one().closes());
  t.answer_late(0, "");
  CHECK(t.take_one().closes());
  CHECK(t.conversation->finished());
}

TEST_CASE("a drain lets a request that has begun to arrive finish") {
  TestConversation t;
  t.receive(get("/late") + "POST /echo HTTP/1.1\r\n");
  t.conversation->begin_drain();
  t.answer_late(0, "");
  CHECK(!t.take_one().closes());
  CHECK(t.conversation->wants_input());
  t.receive("Host: h\r\nContent-Length: 4\r\n\r\nbody" + get("/hello"));
  const auto response = t.take_one();
  CHECK(response.body == "body");
  CHECK(response.closes());
  CHECK(t.conversation->finished());
}

TEST_CASE("answers to a connection that is gone are dropped") {
  TestConversation t;
  t.receive(get("/late") + get("/late"));
  t.conversation->abandon();
  t.answer_late(0, "");
  t.late.clear();
  CHECK(t.take().empty());
  CHECK(t.outputs == 0);
  CHECK(t.counted({}) == 0);
}

TEST_CASE("a Reply keeps its conversation alive") {
  TestConversation t;
  std::weak_ptr<Conversation> watched;
  {
    auto conversation = std::make_shared<Conversation>(t.context, [] {});
    watched = conversation;
    conversation->receive(get("/late"));
    conversation->abandon();
  }
  CHECK(!watched.expired());
  t.late.clear();
  CHECK(watched.expired());
}

}  // namespace
}  // namespace millrace::http
