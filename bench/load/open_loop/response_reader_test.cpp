#include "response_reader.h"

#include <catch2/catch.hpp>

namespace millrace::load {
namespace {

using Step = ResponseReader::Step;

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nDate: now\r\ncontent-LENGTH:  21 \r\n\r\n{\"status\":\"accepted\"}";

TEST_CASE("an answer is read, wherever it is cut") {
  for (std::size_t cut = 0; cut < kAnswer.size(); ++cut) {
    ResponseReader reader;
    std::string_view first = kAnswer.substr(0, cut);
    REQUIRE(reader.feed(first) == Step::need_more);
    CHECK(first.empty());
    CHECK(reader.in_answer() == (cut > 0));
    std::string_view rest = kAnswer.substr(cut);
    REQUIRE(reader.feed(rest) == Step::complete);
    CHECK(reader.status() == 200);
    CHECK(reader.body_start() == "{\"status\":\"accepted\"}");
    CHECK(reader.keeps_connection());
  }
}

TEST_CASE("of two answers in one buffer each is given by itself") {
  const std::string both =
      std::string(kAnswer) + "HTTP/1.1 503 Busy\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n";
  std::string_view input = both;
  ResponseReader reader;
  REQUIRE(reader.feed(input) == Step::complete);
  reader.next();
  CHECK_FALSE(reader.in_answer());
  REQUIRE(reader.feed(input) == Step::complete);
  CHECK(reader.status() == 503);
  CHECK(reader.body_start().empty());
  CHECK_FALSE(reader.keeps_connection());
  CHECK(input.empty());
}

TEST_CASE("of a long body only the start is kept") {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x');
  std::string_view input = answer;
  ResponseReader reader;
  REQUIRE(reader.feed(input) == Step::complete);
  CHECK(reader.body_start() == std::string(256, 'x'));
}

TEST_CASE("204 needs no length") {
  std::string_view input = "HTTP/1.1 204 No Content\r\n\r\n";
  ResponseReader reader;
  CHECK(reader.feed(input) == Step::complete);
}

TEST_CASE("what isn't an answer of a known framing is failed") {
  for (const std::string_view answer :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2\r\n\r\n", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    INFO(answer);
    ResponseReader reader;
    std::string_view input = answer;
    CHECK(reader.feed(input) == Step::failed);
  }
}

TEST_CASE("a head without an end is failed") {
  ResponseReader reader;
  const std::string much(20'000, 'h');
  std::string_view input = much;
  CHECK(reader.feed(input) == Step::failed);
}

}  // namespace
}  // namespace millrace::load
