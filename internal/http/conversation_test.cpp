// What is answered, and how it is framed. The order and the bounds: conversation_order_test.cpp;
// its end: conversation_end_test.cpp.
#include <catch2/catch.hpp>

#include "http/test_conversation.h"

namespace millrace::http {
namespace {

using namespace testing;

TEST_CASE("a request is answered") {
  TestConversation t;
  t.receive(get("/hello"));
  const auto response = t.take_one();
  CHECK(response.status == 200);
  CHECK(response.version == 11);
  CHECK(response.body == "hello");
  CHECK(response.header("Content-Type") == "text/plain; charset=utf-8");
  CHECK(response.header("Date").ends_with(" GMT"));
  CHECK(response.header("Connection").empty());
  CHECK(t.outputs == 0);  // nobody needs to be told: it came within receive()
  CHECK(t.conversation->requests() == 1);
}

TEST_CASE("a request may come a byte at a time") {
  TestConversation t;
  for (const char c : post("/echo", "body")) t.receive({c});
  CHECK(t.take_one().body == "body");
}

TEST_CASE("HEAD is a GET without the body") {
  TestConversation t;
  t.receive("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string_view bytes = t.conversation->output();
  const auto response = take_response(bytes, true);
  CHECK(bytes.empty());
  CHECK(response.value().status == 200);
  CHECK(response.value().header("Content-Length") == "5");
  CHECK(t.counted({"route=\"hello\"", "method=\"HEAD\""}) == 1);
}

TEST_CASE("OPTIONS tells what a path takes") {
  TestConversation t;
  t.receive("OPTIONS /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto path = t.take_one();
  CHECK(path.status == 204);
  CHECK(path.header("Allow") == "GET, HEAD, OPTIONS");
  t.receive("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto any = t.take_one();
  CHECK(any.status == 204);
  CHECK(any.header("Allow") == "GET, HEAD, POST, OPTIONS");
  t.receive("OPTIONS /nowhere HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(t.take_one().status == 404);
}

TEST_CASE("wrong methods and paths are problems, and the connection goes on") {
  TestConversation t;
  t.receive("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
  const auto wrong = t.take_one();
  CHECK(wrong.status == 405);
  CHECK(wrong.header("Allow") == "POST, OPTIONS");
  CHECK(wrong.header("Content-Type") == "application/problem+json");
  t.receive(get("/nowhere?a=b"));
  CHECK(t.take_one().status == 404);
  t.receive(get("/hello"));
  CHECK(t.take_one().status == 200);
}

TEST_CASE("a request id is echoed, made, or replaced") {
  TestConversation t;
  const auto ask = [&](const std::string& line) {
    t.receive(get("/id", line));
    const auto response = t.take_one();
    REQUIRE(response.header("X-Request-Id") == response.body);
    return response.body;
  };
  CHECK(ask("x-request-id: a/b:c~\r\n") == "a/b:c~");
  CHECK(ask("X-Request-Id: " + std::string(128, 'i') + "\r\n") == std::string(128, 'i'));
  const std::string made = ask("");
  CHECK(made.size() == 36);
  CHECK(made != ask(""));
  CHECK(ask("X-Request-Id:\r\n").size() == 36);
  CHECK(ask("X-Request-Id: a b\r\n").size() == 36);
  CHECK(ask("X-Request-Id: \xff\r\n").size() == 36);
  CHECK(ask("X-Request-Id: " + std::string(129, 'i') + "\r\n").size() == 36);
}

TEST_CASE("problems carry the request id too") {
  TestConversation t;
  t.receive(get("/nowhere", "X-Request-Id: mine\r\n"));
  const auto lost = t.take_one();
  CHECK(lost.header("X-Request-Id") == "mine");
  CHECK(lost.body.find(R"("request_id":"mine")") != std::string::npos);
  t.receive(get("/hello", "X-Request-Id: bad\r\nContent-Length: x\r\n"));
  const auto bad = t.take_one();
  CHECK(bad.status == 400);
  CHECK(bad.header("X-Request-Id").size() > 0);
}

TEST_CASE("values of a response can't make headers") {
  TestConversation t;
  t.receive(get("/split"));
  const auto response = t.take_one();  // throws for a control character
  CHECK(response.header("X-Evil").empty());
  CHECK(response.header("X-A") == "b  X-Evil: 1    c  ");
  CHECK(response.body == "a\r\nX-Evil: 1\r\n\r\n");
}

TEST_CASE("a handler that gives up its Reply gives 500") {
  TestConversation t;
  t.receive(get("/dropped", "X-Request-Id: mine\r\n"));
  const auto response = t.take_one();
  CHECK(response.status == 500);
  // Regression: it was an empty body said to be JSON.
  CHECK(response.header("Content-Type") == "application/problem+json");
  CHECK(response.body.find(R"("request_id":"mine")") != std::string::npos);
  t.receive(get("/late"));
  t.late.clear();
  CHECK(t.take_one().status == 500);
  CHECK(t.outputs == 1);
}

TEST_CASE("a handler that throws gives 500, and the connection goes on") {
  TestConversation t;
  t.receive(get("/throwing") + get("/hello"));
  const auto responses = t.take();
  REQUIRE(responses.size() == 2);
  CHECK(responses[0].status == 500);
  CHECK(responses[0].body.find("a broken handler") == std::string::npos);
  CHECK(responses[1].body == "hello");
}

TEST_CASE("requests are counted once, by route, method and status") {
  TestConversation t;
  t.receive(get("/hello") + get("/hello") + post("/hello", "") + get("/nowhere") + get("/late") +
            post("/small", "12345678901"));
  CHECK(t.counted({"route=\"hello\"", "method=\"GET\"", "status=\"200\""}) == 2);
  CHECK(t.counted({"route=\"none\"", "method=\"POST\"", "status=\"405\""}) == 1);
  CHECK(t.counted({"route=\"none\"", "method=\"GET\"", "status=\"404\""}) == 1);
  CHECK(t.counted({"route=\"late\""}) == 0);  // not answered yet
  CHECK(t.counted({}) == 4);
  t.clock.advance(std::chrono::milliseconds(2500));
  t.answer_late(0, "");
  CHECK(t.counted({"route=\"late\"", "status=\"200\""}) == 1);
  CHECK(t.counted({"route=\"small\"", "method=\"POST\"", "status=\"413\""}) == 1);
  CHECK(t.counted({}) == 6);
  const auto seconds = [&](const char* what) {
    return metric(t.registry, std::string("millrace_http_request_seconds_") + what,
                  {"route=\"late\""});
  };
  CHECK(seconds("count") == 1);
  CHECK(seconds("sum") == Approx(2.5));
}

TEST_CASE("a status outside the set is counted as other") {
  TestConversation t;
  t.metrics.count_request(nullptr, Method::other, 418, Duration(0));
  CHECK(t.counted({"status=\"other\"", "method=\"other\"", "route=\"none\""}) == 1);
}

const std::string kExpecting =
    "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

TEST_CASE("a client that waits for it gets 100 Continue") {
  TestConversation t;
  t.receive(kExpecting);
  CHECK(t.conversation->output() == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(t.take_one().status == 100);
  t.receive("bo");
  t.receive("dy");
  CHECK(t.take_one().body == "body");
}

TEST_CASE("a client that sends its body anyway gets no 100 Continue") {
  TestConversation t;
  t.receive(kExpecting + "bo");
  CHECK(t.take().empty());
  t.receive("dy");
  CHECK(t.take_one().status == 200);
}

TEST_CASE("regression: 100 Continue was said before a body was refused as too large") {
  TestConversation t;
  t.receive(
      "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  CHECK(t.take_one().status == 413);
}

TEST_CASE("regression: 100 Continue was said to a request without a body") {
  TestConversation t;
  t.receive(get("/hello", "Expect: 100-continue\r\n"));
  CHECK(t.take_one().status == 200);
}

TEST_CASE("regression: 100 Continue was never said when an earlier answer was due") {
  TestConversation t;
  t.receive(get("/late") + kExpecting);
  CHECK(t.take().empty());  // it may not overtake
  t.answer_late(0, "late");
  const auto responses = t.take();
  REQUIRE(responses.size() == 2);
  CHECK(responses[0].body == "late");
  CHECK(responses[1].status == 100);
  t.receive("body");
  CHECK(t.take_one().body == "body");
}

TEST_CASE("no 100 Continue that nobody waits for any more") {
  TestConversation t;
  t.receive(get("/late") + kExpecting);
  t.receive("bo");
  t.answer_late(0, "late");
  CHECK(t.take_one().body == "late");
}

}  // namespace
}  // namespace millrace::http
