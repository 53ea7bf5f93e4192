#include "http/response_writer.h"

#include <catch2/catch.hpp>

#include "http/test_wire.h"

namespace millrace::http {
namespace {

std::string written(const Response& response, const ResponseFraming& framing) {
  std::string out;
  append_response(out, response, framing);
  const auto date = out.find("Date: ");
  REQUIRE(date != std::string::npos);
  return out.erase(date, out.find("\r\n", date) + 2 - date);
}

ResponseFraming framing(unsigned version, bool head, bool keep_alive) {
  return {version, head, keep_alive, "id"};
}

TEST_CASE("a response's bytes") {
  Response response = Response::json("{}", 503);
  response.headers.emplace_back("Retry-After", "1");
  CHECK(written(response, framing(11, false, true)) ==
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nX-Request-Id: id\r\nRetry-After: 1\r\n\r\n{}");
}

TEST_CASE("how keep-alive is said depends on the version") {
  const Response response = Response::text("");
  const std::string head =
      "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\nX-Request-Id: id\r\n";
  CHECK(written(response, framing(11, false, true)) == "HTTP/1.1 200 OK\r\n" + head + "\r\n");
  CHECK(written(response, framing(11, false, false)) ==
        "HTTP/1.1 200 OK\r\n" + head + "Connection: close\r\n\r\n");
  CHECK(written(response, framing(10, false, true)) ==
        "HTTP/1.0 200 OK\r\n" + head + "Connection: keep-alive\r\n\r\n");
  CHECK(written(response, framing(10, false, false)) ==
        "HTTP/1.0 200 OK\r\n" + head + "Connection: close\r\n\r\n");
}

TEST_CASE("an answer to HEAD has a body's length but no body") {
  const std::string out = written(Response::text("body"), framing(11, true, true));
  CHECK(out.find("Content-Length: 4\r\n") != std::string::npos);
  CHECK(out.ends_with("\r\n\r\n"));
}

TEST_CASE("204 has no body") {
  Response response;
  response.status = 204;
  response.body = "ignored";
  CHECK(written(response, framing(11, false, true)) ==
        "HTTP/1.1 204 No Content\r\nX-Request-Id: id\r\n\r\n");
}

TEST_CASE("responses are appended") {
  std::string out;
  for (int i = 0; i < 3; ++i) append_response(out, Response::text("a"), framing(11, false, true));
  const auto responses = testing::take_responses(out);
  REQUIRE(responses.size() == 3);
  CHECK(responses[0].header("Date").size() == std::string("Sun, 06 Nov 1994 08:49:37 GMT").size());
}

TEST_CASE("control characters become blanks") {
  Response response;
  response.headers.emplace_back("X-A", "a\r\nX-B: \t\x01z");
  const std::string out = written(response, {11, false, true, "i\nd"});
  CHECK(out.find("\r\nX-A: a  X-B:   z\r\n") != std::string::npos);
  CHECK(out.find("\r\nX-Request-Id: i d\r\n") != std::string::npos);
}

}  // namespace
}  // namespace millrace::http
