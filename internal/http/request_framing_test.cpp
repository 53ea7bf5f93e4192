// Requests that can't be read, or that two readers of the same bytes could read differently: they
// are refused, and nothing after them is read as a request.
#include <catch2/catch.hpp>

#include "http/test_requests.h"

namespace millrace::http {
namespace {

using namespace testing;

const std::string kBehind = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

std::string with_headers(const std::string& lines) {
  return "POST /a HTTP/1.1\r\n" + lines + "\r\n0123456789\r\n\r\n";
}

struct Bad {
  const char* name;
  std::string bytes;
  unsigned status = 400;
};

void check(const Bad& bad, std::size_t body_bytes_max = kBodyBytesMax) {
  INFO(bad.name);
  for_each_cut(
      bad.bytes + kBehind,
      [&](const ReadOutcome& outcome) {
        REQUIRE(outcome.requests.empty());
        REQUIRE(outcome.error.status == bad.status);
        REQUIRE(!outcome.error.detail.empty());
      },
      body_bytes_max);
  // Nor does it spoil what came before.
  const auto pipelined = read_requests({kBehind + bad.bytes + kBehind}, body_bytes_max);
  REQUIRE(pipelined.requests.size() == 1);
  REQUIRE(pipelined.error.status == bad.status);
}

TEST_CASE("lengths and codings that leave a doubt") {
  const auto bad = [](const char* name, const std::string& lines, unsigned status = 400) {
    check({name, with_headers("Host: h\r\n" + lines), status});
  };
  bad("two equal lengths", "Content-Length: 5\r\nContent-Length: 5\r\n");
  bad("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n");
  bad("a list of lengths", "Content-Length: 5, 5\r\n");
  bad("a list with an empty place", "Content-Length: 5,\r\n");
  bad("plus", "Content-Length: +5\r\n");
  bad("minus", "Content-Length: -5\r\n");
  bad("hexadecimal", "Content-Length: 0x5\r\n");
  bad("with a tail", "Content-Length: 5a\r\n");
  bad("with a blank inside", "Content-Length: 1 0\r\n");
  bad("empty length", "Content-Length:\r\n");
  bad("more than 64 bits", "Content-Length: 18446744073709551621\r\n");
  bad("length and coding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
  bad("coding and length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n");
  bad("length and an unknown coding", "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n");
  bad("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n");
  bad("two different codings", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n");
  for (const char* coding : {"xchunked", "chunkedx", "gzip", "identity", "chunked, identity",
                             "chunked, chunked", "gzip, chunked", ", chunked", "chunked,",
                             "chunked;q=1", "\"chunked\"", "chunked\x0b", ""}) {
    bad(coding, "Transfer-Encoding: " + std::string(coding) + "\r\n");
  }
  check({"a coding in HTTP/1.0",
         "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"});
}

TEST_CASE("lines that aren't headers") {
  const auto bad = [](const char* name, const std::string& lines) {
    check({name, with_headers("Host: h\r\n" + lines)});
  };
  bad("folded with a blank", "X: a\r\n b\r\n");
  bad("folded with a tab", "X: a\r\n\tb\r\n");
  bad("a folded coding", "Transfer-Encoding:\r\n chunked\r\n");
  bad("a line of blanks", " \r\n");
  bad("blank before the colon", "Content-Length : 5\r\n");
  bad("tab before the colon", "Content-Length\t: 5\r\n");
  bad("blank in the name", "X Y: 5\r\n");
  bad("no colon", "nonsense\r\n");
  bad("no name", ": 5\r\n");
  bad("NUL in a value", std::string("X: a\0b\r\n", 8));
  bad("NUL in a name", std::string("X\0: a\r\n", 7));
  bad("a control character in a value", "X: a\x01\r\n");
  bad("DEL in a value", "X: a\x7f\r\n");
  bad("a byte over 127 in a name", "X\xe4: a\r\n");
  bad("bare CR in a value", "X: a\rY: b\r\n");
  bad("CR CR LF", "X: a\r\r\n");
  bad("bare LF", "X: a\nContent-Length: 5\r\n");
  bad("LF LF", "X: a\n\n");
  bad("a list that isn't one in Connection", "Connection: a b,,;\r\n");
  check({"no Host", with_headers("Content-Length: 5\r\n")});
  check({"two Hosts", with_headers("Host: a\r\nHost: b\r\n")});
  check({"two equal Hosts", with_headers("Host: a\r\nhost: a\r\n")});
  check({"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"});
  check({"the first line is folded", with_headers(" Host: h\r\n")});
  check({"the first line is folded with a tab", with_headers("\tHost: h\r\n")});
}

TEST_CASE("request lines that aren't") {
  const std::string host = "\r\nHost: h\r\n\r\n";
  check({"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)});
  check({"NUL", std::string(4, '\0')});
  check({"a blank in front", " GET / HTTP/1.1" + host});
  check({"one word", "GARBAGE" + host});
  check({"no version", "GET /" + host});
  check({"two blanks", "GET  / HTTP/1.1" + host});
  check({"four words", "GET / a HTTP/1.1" + host, 505});
  check({"a tail", "GET / HTTP/1.1 x" + host, 505});
  check({"lower case", "GET / http/1.1" + host, 505});
  check({"bare LF", "GET / HTTP/1.1\nHost: h\n\n"});
  check({"bare CR", "GET /\rHTTP/1.1" + host});
  check({"NUL in the target", std::string("GET /\0 HTTP/1.1", 15) + host});
  check({"control character in the target", "GET /\x01 HTTP/1.1" + host});
  check({"not a token", "G(T / HTTP/1.1" + host});
  check({"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505});
  check({"HTTP/1.2", "GET / HTTP/1.2" + host, 505});
  check({"HTTP/0.9", "GET / HTTP/0.9" + host, 505});
  check({"HTTP/1.10", "GET / HTTP/1.10" + host, 505});
}

TEST_CASE("expectations we don't know") {
  check({"other", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", 417});
  check({"more", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, x\r\n\r\n", 417});
}

TEST_CASE("chunks that aren't") {
  const auto bad = [](const char* name, const std::string& chunks) {
    check({name, kChunkedHead + chunks});
  };
  bad("hexadecimal with a prefix", "0x5\r\nhello\r\n0\r\n\r\n");
  bad("negative", "-1\r\nhello\r\n0\r\n\r\n");
  bad("plus", "+5\r\nhello\r\n0\r\n\r\n");
  bad("no size", "\r\nhello\r\n0\r\n\r\n");
  bad("an extension without a size", ";a\r\nhello\r\n0\r\n\r\n");
  bad("not a number", "g\r\nhello\r\n0\r\n\r\n");
  bad("blank in front", " 5\r\nhello\r\n0\r\n\r\n");
  bad("a word behind", "5 x\r\nhello\r\n0\r\n\r\n");
  bad("more than 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n");
  bad("longer than announced", "3\r\nhello\r\n0\r\n\r\n");
  bad("no CR LF behind it", "5\r\nhello0\r\n\r\n");
  bad("something else behind it", "5\r\nhelloXX0\r\n\r\n");
  bad("bare LF", "5\nhello\n0\n\n\r\n\r\n");
  bad("bare CR", "5\rhello\r0\r\r");
  bad("bare LF behind the last", "5\r\nhello\r\n0\n\n\r\n\r\n");
  bad("an extension that isn't a token", "5;a(\r\nhello\r\n0\r\n\r\n");
  bad("a trailer that isn't one", "0\r\nnonsense\r\n\r\n");
  bad("bare LF in a trailer", "0\r\nX: a\nY: b\r\n\r\n");
  bad("a length as a trailer", "0\r\nContent-Length: 5\r\n\r\n");
  bad("a coding as a trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("regression: a quoted chunk extension could hold a line feed") {
  check({"LF", kChunkedHead + "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"});
  check({"NUL", kChunkedHead + std::string("5;a=\"\0\"\r\nhello\r\n0\r\n\r\n", 21)});
  check({"LF in the last", kChunkedHead + "0;a=\"\n\"\r\n\r\n"});
}

TEST_CASE("headers over 16384 bytes") {
  const std::string head = "GET /a HTTP/1.1\r\nHost: h\r\n";
  check({"one line", head + "X: " + std::string(20'000, 'x') + "\r\n\r\n", 431});
  std::string lines = head;
  while (lines.size() <= kHeaderBytesMax) lines += "X: a\r\n";
  check({"many lines", lines + "\r\n", 431});
  check({"no end", head + std::string(20'000, 'x'), 431});
  check({"a target", "GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431});
}

TEST_CASE("regression: a header block of 16385 bytes was taken") {
  std::string bytes = "GET /a HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n";
  bytes.insert(bytes.size() - 4, kHeaderBytesMax + 1 - bytes.size(), 'x');
  check({"", bytes, 431});
}

TEST_CASE("chunk headers and trailers without an end") {
  check({"an extension", kChunkedHead + "5;" + std::string(20'000, 'a')});
  check({"zeros", kChunkedHead + std::string(20'000, '0')});
  check({"a trailer", kChunkedHead + "0\r\nX: " + std::string(20'000, 'a')});
  check({"a quoted string", kChunkedHead + "5;a=\"\r\n" + std::string(20'000, 'a')});
}

TEST_CASE("regression: long chunk headers and trailers were taken when they came in one piece") {
  check(
      {"an extension", kChunkedHead + "5;" + std::string(20'000, 'a') + "\r\nhello\r\n0\r\n\r\n"});
  check({"a later extension",
         kChunkedHead + "1\r\na\r\n5;" + std::string(20'000, 'a') + "\r\nhello\r\n0\r\n\r\n"});
  check({"a trailer", kChunkedHead + "0\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n"});
  for (int over = -2; over <= 3; ++over) {  // at the bound, every cut agrees
    const std::size_t room = kHeaderBytesMax - 10;
    const std::string bytes = kChunkedHead +
                              "0\r\nX: " + std::string(room + static_cast<std::size_t>(over), 'a') +
                              "\r\n\r\n";
    const bool taken = over <= 0;
    for_each_cut(bytes, [&](const ReadOutcome& outcome) {
      REQUIRE(outcome.requests.size() == (taken ? 1 : 0));
      REQUIRE(outcome.error.status == (taken ? 0 : 400));
    });
  }
}

TEST_CASE("bodies over the limit are refused before they are read") {
  const std::string announced = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n";
  for_each_cut(
      announced,
      [](const ReadOutcome& outcome) {
        REQUIRE(outcome.requests.empty());
        REQUIRE(outcome.error.status == 413);
      },
      1000);
  check({"announced", announced + std::string(1001, 'x'), 413}, 1000);
  const std::string first = kChunkedHead + "3e8\r\n" + std::string(1000, 'x') + "\r\n";
  check({"the chunks together", first + "1\r\nx\r\n0\r\n\r\n", 413}, 1000);
  check({"one chunk", kChunkedHead + "3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n", 413},
        1000);
}

TEST_CASE("regression: an announced chunk over the limit was read up to the limit") {
  const auto outcome = read_requests({kChunkedHead + "ffffffffffffffff\r\n"}, 1000);
  CHECK(outcome.error.status == 413);
}

TEST_CASE("after a failure nothing more is read") {
  RequestReader reader;
  const std::string bytes = "GET / HTTP/1.1\r\n\r\n" + kBehind;
  std::string_view input = bytes;
  REQUIRE(reader.feed(input) == RequestReader::Step::failed);
  for (int i = 0; i < 3; ++i) {
    input = kBehind;
    REQUIRE(reader.feed(input) == RequestReader::Step::failed);
    REQUIRE(input == kBehind);
  }
}

}  // namespace
}  // namespace millrace::http
