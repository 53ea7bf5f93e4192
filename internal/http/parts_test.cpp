// The small parts: types, router, problem, upstream.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "http/problem.h"
#include "http/router.h"
#include "http/upstream.h"

namespace millrace::http {
namespace {

TEST_CASE("names are compared without regard to case, in ASCII") {
  CHECK(iequals("Content-LENGTH", "content-length"));
  CHECK(iequals("", ""));
  CHECK(!iequals("a", "ab"));
  CHECK(!iequals("[", "{"));        // differ by the bit of the case
  CHECK(!iequals("\xc4", "\xe4"));  // not ASCII
}

TEST_CASE("a request's headers are found by name") {
  const std::vector<Header> headers = {{"A", "1"}, {"b", "2"}, {"a", "3"}};
  Request request;
  request.headers = headers;
  CHECK(request.header("a") == "1");
  CHECK(request.header("B") == "2");
  CHECK(request.header("c").empty());
}

TEST_CASE("every status we answer has its phrase") {
  for (const unsigned status : {100U, 200U, 202U, 204U, 207U, 400U, 404U, 405U, 408U, 413U, 415U,
                                417U, 422U, 429U, 431U, 500U, 501U, 502U, 503U, 504U, 505U}) {
    CHECK(reason_phrase(status) != "Unknown");
  }
  CHECK(reason_phrase(299) == "Unknown");
  CHECK(method_name(Method::other) == "other");
  CHECK(method_name(Method::options) == "OPTIONS");
}

const Route* found(const Router::Match& match) {
  const auto* route = std::get_if<const Route*>(&match);
  return route != nullptr ? *route : nullptr;
}

TEST_CASE("routes are found by method and path") {
  Router router;
  router.add({"read", Method::get, "/a", {}});
  router.add({"write", Method::post, "/a", {}});
  router.add({"post", Method::post, "/b", {}});
  REQUIRE(found(router.find(Method::get, "/a")) != nullptr);
  CHECK(found(router.find(Method::get, "/a"))->name == "read");
  CHECK(found(router.find(Method::head, "/a"))->name == "read");
  CHECK(found(router.find(Method::post, "/a"))->name == "write");
  CHECK(found(router.find(Method::post, "/b"))->body_bytes_max == kBodyBytesMax);
  for (const char* path : {"/c", "/a/", "/", "", "a", "/A"}) {
    INFO(path);
    CHECK(std::holds_alternative<Router::NotFound>(router.find(Method::get, path)));
  }
  const auto allow = [&](Method method, const char* path) {
    return std::get<Router::WrongMethod>(router.find(method, path)).allow;
  };
  CHECK(allow(Method::options, "/a") == "GET, HEAD, POST, OPTIONS");
  CHECK(allow(Method::get, "/b") == "POST, OPTIONS");
  CHECK(allow(Method::head, "/b") == "POST, OPTIONS");
  CHECK(allow(Method::other, "/a") == "GET, HEAD, POST, OPTIONS");
}

TEST_CASE("each outcome has its HTTP status") {
  const std::vector<std::pair<Code, unsigned>> expected = {
      {Code::ok, 200},       {Code::invalid, 400},     {Code::rejected, 422},
      {Code::full, 503},     {Code::unavailable, 503}, {Code::closed, 503},
      {Code::deadline, 504}, {Code::too_large, 413},   {Code::internal, 500}};
  REQUIRE(expected.size() == kCodeCount);
  for (const auto& [code, status] : expected) CHECK(http_status(code) == status);
}

TEST_CASE("a problem says what was wrong") {
  const Response response = problem(Status(Code::rejected, "source: missing \"\n"), "id-1");
  CHECK(response.status == 422);
  CHECK(response.content_type == "application/problem+json");
  CHECK(response.headers.empty());
  CHECK(nlohmann::json::parse(response.body) == nlohmann::json({{"type", "about:blank"},
                                                                {"title", "Unprocessable Content"},
                                                                {"status", 422},
                                                                {"detail", "source: missing \"\n"},
                                                                {"request_id", "id-1"}}));
}

TEST_CASE("a problem that will pass says when to try again") {
  using Headers = decltype(Response::headers);
  CHECK(problem(503, "", "").headers == Headers{{"Retry-After", "1"}});
  CHECK(problem(429, "", "").headers == Headers{{"Retry-After", "1"}});
  CHECK(problem(504, "", "").headers.empty());
}

TEST_CASE("a problem's text needn't be UTF-8") {
  CHECK(nlohmann::json::parse(problem(400, "a\xff", "").body)["detail"] == "a\xef\xbf\xbd");
}

TEST_CASE("upstreams are URLs of a host and a port") {
  const auto parsed = [](const char* url) {
    const auto upstream = Upstream::parse(url);
    INFO(url);
    REQUIRE(upstream.has_value());
    return upstream->host + " " + upstream->port + " " + upstream->authority;
  };
  CHECK(parsed("http://localhost:8081") == "localhost 8081 localhost:8081");
  CHECK(parsed("http://localhost:8081/") == "localhost 8081 localhost:8081");
  CHECK(parsed("http://ingest") == "ingest 80 ingest:80");
  CHECK(parsed("http://127.0.0.1:1") == "127.0.0.1 1 127.0.0.1:1");
  // Regression: the settings took it, and this didn't.
  CHECK(parsed("http://1.2.3.4.5:80") == "1.2.3.4.5 80 1.2.3.4.5:80");
  CHECK(parsed("http://[::1]:65535") == "::1 65535 [::1]:65535");
  for (const char* url : {"",
                          "localhost",
                          "localhost:8081",
                          "https://a",
                          "http://",
                          "http:///",
                          "http://:80",
                          "http://a:0",
                          "http://a:65536",
                          "http://a:x",
                          "http://a:",
                          "http://a/b",
                          "http://a?b",
                          "http://a#b",
                          "http://u@a",
                          "http://u:p@a",
                          "http://a b",
                          " http://a",
                          "http://a\r\n",
                          "http://[::1",
                          "http://a,http://b",
                          "ftp://a"}) {
    INFO(url);
    const auto upstream = Upstream::parse(url);
    REQUIRE(!upstream.has_value());
    CHECK(upstream.error().code() == Code::invalid);
  }
}

}  // namespace
}  // namespace millrace::http
