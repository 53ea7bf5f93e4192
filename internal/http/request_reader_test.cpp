// Requests that are good, however they are cut into pieces. Bad ones: request_framing_test.cpp.
#include "http/request_reader.h"

#include <catch2/catch.hpp>

#include "http/test_requests.h"

namespace millrace::http {
namespace {

using namespace testing;

struct Good {
  const char* name;
  std::string bytes;
  std::vector<ReadRequest> requests;
};

const ReadRequest kGet{.method = Method::get, .path = "/a", .headers = {{"Host", "h"}}};

ReadRequest changed(ReadRequest request, const std::function<void(ReadRequest&)>& change) {
  change(request);
  return request;
}

ReadRequest post(std::string body, std::vector<std::pair<std::string, std::string>> headers) {
  headers.insert(headers.begin(), {"Host", "h"});
  return {
      .method = Method::post, .path = "/a", .body = std::move(body), .headers = std::move(headers)};
}

const std::pair<std::string, std::string> kChunkedHeader{"Transfer-Encoding", "chunked"};

ReadRequest get_with(std::string name, std::string value) {
  return changed(kGet, [&](ReadRequest& r) { r.headers.emplace_back(name, value); });
}

std::vector<Good> line_cases() {
  const auto get = [](const std::function<void(ReadRequest&)>& change) {
    return std::vector<ReadRequest>{changed(kGet, change)};
  };
  return {
      {"GET", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", {kGet}},
      {"HEAD", "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.method = Method::head; })},
      {"unknown method", "BREW /a HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.method = Method::other; })},
      {"methods are case-sensitive", "get /a HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.method = Method::other; })},
      {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.method = Method::options, r.path = "*"; })},
      {"query", "GET /a?b=c?d HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.query = "b=c?d"; })},
      {"empty query", "GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", {kGet}},
      {"not decoded", "GET /%61 HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.path = "/%61"; })},
      {"absolute form", "GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.query = "b"; })},
      {"absolute form without a path", "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.path = "/"; })},
      {"regression: the query of an absolute form without a path was taken for the path",
       "GET http://h?x/livez HTTP/1.1\r\nHost: h\r\n\r\n",
       get([](auto& r) { r.path = "/", r.query = "x/livez"; })},
      {"HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n",
       get([](auto& r) { r.version = 10, r.keep_alive = false, r.headers.clear(); })},
      {"HTTP/1.0 kept alive", "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", get([](auto& r) {
         r.version = 10, r.headers = {{"Connection", "Keep-Alive"}};
       })},
      {"Connection: close", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
       get([](auto& r) {
         r.keep_alive = false, r.headers.emplace_back("Connection", "x, Close");
       })},
      {"empty lines in front", "\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", {kGet}},
      {"blanks around a value",
       "GET /a HTTP/1.1\r\nHost: h\r\nX: \t a b \t\r\n\r\n",
       {get_with("X", "a b")}},
      {"empty value", "GET /a HTTP/1.1\r\nHost: h\r\nX:\r\n\r\n", {get_with("X", "")}},
      {"bytes over 127",
       "GET /a HTTP/1.1\r\nHost: h\r\nX: \xe2\x82\xac\xff\r\n\r\n",
       {get_with("X", "\xe2\x82\xac\xff")}},
      {"empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", get([](auto& r) {
         r.headers = {{"Host", ""}};
       })},
  };
}

std::vector<Good> body_cases() {
  const ReadRequest chunked = post("helloworld", {kChunkedHeader});
  return {
      {"body",
       "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
       {post("hello", {{"Content-Length", "5"}})}},
      {"zeros in front",
       "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0005\r\n\r\nhello",
       {post("hello", {{"Content-Length", "0005"}})}},
      {"no body", "POST /a HTTP/1.1\r\nHost: h\r\n\r\n", {post("", {})}},
      {"empty body",
       "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
       {post("", {{"Content-Length", "0"}})}},
      {"a body that looks like a request",
       "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n",
       {post("GET / HTTP/1.1\r\n\r\n", {{"Content-Length", "18"}})}},
      {"chunked", kChunkedHead + "5\r\nhello\r\n05\r\nworld\r\n0\r\n\r\n", {chunked}},
      {"chunked, in capitals",
       "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
       "CHUNKED\r\n\r\nA\r\nhelloworld\r\n0\r\n\r\n",
       {post("helloworld", {{"Transfer-Encoding", "CHUNKED"}})}},
      {"extensions",
       kChunkedHead + "5;a\r\nhello\r\n5 ; b=c;d=\"e \\\" f\"\r\nworld\r\n0;g\r\n\r\n",
       {chunked}},
      {"trailers are dropped",
       kChunkedHead + "a\r\nhelloworld\r\n0\r\nHost: other\r\nX-A: b\r\n\r\n",
       {chunked}},
      {"no chunks", kChunkedHead + "0\r\n\r\n", {post("", {kChunkedHeader})}},
      {"pipelined",
       "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
       "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" +
           kChunkedHead +
           "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
       {kGet, post("hello", {{"Content-Length", "5"}}), chunked, kGet}},
  };
}

void check(const Good& good) {
  INFO(good.name);
  for_each_cut(good.bytes, [&](const ReadOutcome& outcome) {
    REQUIRE(outcome.error.detail.empty());
    REQUIRE(outcome.requests == good.requests);
  });
}

TEST_CASE("good requests are the same however they are cut") {
  for (const Good& good : line_cases()) check(good);
  for (const Good& good : body_cases()) check(good);
}

TEST_CASE("a header block may have 16384 bytes") {
  std::string bytes = "GET /a HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n";
  bytes.insert(bytes.size() - 4, kHeaderBytesMax - bytes.size(), 'x');
  REQUIRE(bytes.size() == kHeaderBytesMax);
  for_each_cut(bytes, [](const ReadOutcome& outcome) { REQUIRE(outcome.requests.size() == 1); });
}

TEST_CASE("a body may be as large as its limit") {
  const std::string body(1000, 'x');
  const std::string announced =
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + body;
  const std::string chunked = kChunkedHead + "3e8\r\n" + body + "\r\n0\r\n\r\n";
  for (const auto& bytes : {announced, chunked}) {
    const auto outcome = read_requests({bytes}, 1000);
    REQUIRE(outcome.requests.size() == 1);
    CHECK(outcome.requests[0].body == body);
  }
}

TEST_CASE("the reader says where it stands") {
  RequestReader reader;
  CHECK(!reader.in_request());
  std::string_view input = "\r\n";
  CHECK(reader.feed(input) == RequestReader::Step::need_more);
  CHECK(!reader.in_request());
  input = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Le";
  CHECK(reader.feed(input) == RequestReader::Step::need_more);
  CHECK(input.empty());
  CHECK(reader.in_request());
  input = "ngth: 2\r\n\r\nab";
  CHECK(reader.feed(input) == RequestReader::Step::header);
  CHECK(input == "ab");
  CHECK(reader.in_request());
  CHECK(reader.feed(input) == RequestReader::Step::complete);
  CHECK(!reader.in_request());
  input = "GET";
  CHECK(reader.feed(input) == RequestReader::Step::complete);  // until next()
  CHECK(input == "GET");
  RequestReader moved = std::move(reader);
  CHECK(moved.request().body == "ab");
  moved.next();
  CHECK(moved.request().path.empty());
  CHECK(!moved.in_request());
}

TEST_CASE("a large request leaves no large buffers behind") {
  // Seen by the next request only: it must be read as if nothing had been before it.
  const std::string large = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" +
                            std::string(500'000, 'x') + "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  const auto outcome = read_requests({large});
  REQUIRE(outcome.requests.size() == 2);
  CHECK(outcome.requests[1] == kGet);
}

TEST_CASE("who waits for 100 Continue") {
  const auto expects = [](const std::string& head) {
    RequestReader reader;
    std::string_view input = head;
    REQUIRE(reader.feed(input) == RequestReader::Step::header);
    return reader.expects_continue();
  };
  CHECK(expects("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"));
  CHECK(!expects("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"));
  // RFC 9110, 10.1.1: to be ignored in HTTP/1.0.
  CHECK(!expects("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
}

}  // namespace
}  // namespace millrace::http
