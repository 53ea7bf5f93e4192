// Bodies that are handed out while they arrive.
#include <catch2/catch.hpp>

#include "http/test_conversation.h"

namespace millrace::http {
namespace {

using namespace testing;

using Parts = std::vector<std::string>;

const std::string kHead = "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n";
const std::string kChunked =
    "POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_CASE("a streamed body is handed out as it comes, and the connection goes on", "[stream]") {
  TestConversation t;
  t.receive(kHead + "12345");
  CHECK(t.streamed.parts == Parts{"12345"});
  CHECK(t.conversation->phase() == Conversation::Phase::reading);
  CHECK(t.conversation->requests() == 1);
  t.receive("67");
  CHECK_FALSE(t.streamed.ended);
  t.receive("890" + get("/hello"));
  CHECK(t.streamed.parts == Parts{"12345", "67", "890"});
  const auto responses = t.take();
  REQUIRE(responses.size() == 2);
  CHECK(responses[0].body == "1234567890");
  CHECK(responses[1].body == "hello");
  CHECK(t.streamed.gone);
  CHECK(t.counted({"route=\"stream\"", "status=\"200\""}) == 1);
}

TEST_CASE("it may come in chunks, a byte at a time, or be empty", "[stream]") {
  TestConversation t;
  t.receive(kChunked + "5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n");
  CHECK(t.take_one().body == "abcdefgh");
  for (const char c : kChunked + "5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n") t.receive({c});
  CHECK(t.take_one().body == "abcdefghabcdefgh");
  t.streamed.parts.clear();
  t.receive(post("/stream", ""));
  CHECK(t.take_one().body.empty());
  CHECK(t.streamed.parts.empty());
}

TEST_CASE("a sink that has enough isn't given more until it says so", "[stream]") {
  TestConversation t;
  t.streamed.wants_more = false;
  t.receive(kHead + "123");
  CHECK_FALSE(t.conversation->wants_input());
  CHECK(t.conversation->phase() == Conversation::Phase::handling);
  t.receive("4567890" + get("/hello"));
  CHECK(t.streamed.parts == Parts{"123"});
  t.streamed.resume();
  CHECK(t.streamed.parts == Parts{"123", "4567890"});
  CHECK(t.take().empty());
  CHECK(t.outputs == 1);
  t.streamed.wants_more = true;
  t.streamed.resume();
  CHECK(t.take().size() == 2);
  CHECK(t.conversation->wants_input());
  t.streamed.resume();  // for a stream that is over
}

TEST_CASE("a sink may have enough with the body's last bytes", "[stream]") {
  TestConversation t;
  t.streamed.wants_more = false;
  t.receive(kHead + "1234567890");
  CHECK_FALSE(t.streamed.ended);
  t.streamed.resume();
  CHECK(t.streamed.ended);
  CHECK(t.take_one().body == "1234567890");
}

TEST_CASE("100 Continue goes out before the body is there", "[stream]") {
  TestConversation t;
  t.receive(
      "POST /stream HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(t.conversation->output() == "HTTP/1.1 100 Continue\r\n\r\n");
  t.conversation->output().clear();
  t.receive("ok");
  CHECK(t.take_one().body == "ok");
}

TEST_CASE("answers keep their order", "[stream]") {
  TestConversation t;
  t.receive(get("/late") + kHead + "1234567890");
  CHECK(t.take().empty());
  t.answer_late(0, "first");
  const auto responses = t.take();
  REQUIRE(responses.size() == 2);
  CHECK(responses[0].body == "first");
  CHECK(responses[1].body == "1234567890");
}

TEST_CASE("a body that breaks off or is too large is refused, whatever its sink was given",
          "[stream]") {
  TestConversation t;
  SECTION("the client's end") {
    t.receive(kHead + "123");
    t.conversation->end_of_input();
    CHECK(t.take_one().status == 400);
  }
  SECTION("the client's end, with a full sink") {
    t.streamed.wants_more = false;
    t.receive(kHead + "123");
    t.conversation->end_of_input();
    CHECK(t.take().empty());
    t.streamed.wants_more = true;
    t.streamed.resume();
    CHECK(t.take_one().status == 400);
  }
  SECTION("announced too large") {
    t.receive("POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n");
    CHECK(t.take_one().status == 413);
    CHECK(t.conversation->must_linger());
  }
  SECTION("too large in chunks") {
    t.receive(kChunked);
    for (int i = 0; i < 11 && !t.conversation->finished(); ++i) {
      t.receive("2710\r\n" + std::string(10'000, 'x') + "\r\n");
    }
    CHECK(t.take_one().status == 413);
    CHECK(t.streamed.body().size() == 100'000);
  }
  SECTION("a broken chunk") {
    t.receive(kChunked + "5\r\nabcde\r\nnonsense\r\n");
    CHECK(t.take_one().status == 400);
  }
  SECTION("too slow") {
    t.receive(kHead + "123");
    t.conversation->time_out();
    CHECK(t.take_one().status == 408);
  }
  CHECK(t.streamed.gone);
  CHECK_FALSE(t.streamed.ended);
  CHECK(t.conversation->finished());
}

TEST_CASE("a sink whose body is cut may say itself what became of it", "[stream]") {
  TestConversation t;
  t.streamed.answers_cuts = true;
  t.receive(kHead + "123");
  t.conversation->time_out();
  const auto response = t.take_one();
  CHECK(response.status == 207);
  CHECK(response.body == "the request took too long to arrive");
  CHECK(response.header("Connection") == "close");
  CHECK(t.conversation->finished());
}

// What was left to be looked at was forgotten when no bytes were: the client got 408 in the end.
TEST_CASE("a whole body is answered though its end met a bound", "[stream]") {
  TestConversation t;
  t.streamed.wants_more = false;
  t.receive(get("/late") + kHead + "1234567890");
  t.answer_late(0, std::string(kOutputBytesMax, 'x'));
  t.streamed.resume();
  CHECK_FALSE(t.streamed.ended);  // the output is full
  CHECK(t.take().size() == 1);
  t.conversation->resume();
  CHECK(t.streamed.ended);
  CHECK(t.take_one().body == "1234567890");
}

TEST_CASE("an empty body is answered though there is no room for another request", "[stream]") {
  TestConversation t;
  std::string many;
  for (std::size_t i = 0; i + 1 < kPipelinedMax; ++i) many += get("/late");
  t.receive(many + post("/stream", ""));
  CHECK_FALSE(t.streamed.ended);
  t.answer_late(0, "first");
  CHECK(t.take().size() == 1);
  t.conversation->resume();
  CHECK(t.streamed.ended);
}

TEST_CASE("to answer early is to refuse the rest", "[stream]") {
  TestConversation t;
  t.receive(kHead + "refuse me");
  const auto response = t.take_one();
  CHECK(response.status == 400);
  CHECK(response.header("Connection") == "close");
  CHECK(t.streamed.gone);
  CHECK(t.conversation->finished());
  CHECK(t.conversation->must_linger());
}

TEST_CASE("a sink that throws costs its request a 500", "[stream]") {
  TestConversation t;
  t.streamed.throws = true;
  t.receive(kHead + "12345");
  CHECK(t.take_one().status == 500);
  CHECK(t.conversation->finished());
}

TEST_CASE("a connection that is gone takes its sink along", "[stream]") {
  TestConversation t;
  t.receive(kHead + "12345");
  t.conversation->abandon();
  CHECK(t.streamed.gone);
}

}  // namespace
}  // namespace millrace::http
