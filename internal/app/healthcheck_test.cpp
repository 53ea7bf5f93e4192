#include "app/healthcheck.h"

#include <catch2/catch.hpp>

namespace millrace::app {
namespace {

const std::string kUrl = "http://127.0.0.1:8082";

HealthVerdict verdict_on(const std::string& body, unsigned status = 200) {
  return judge_answer("processor", kUrl,
                      {http::ClientResponse{status, body}, std::chrono::microseconds(1'234)});
}

TEST_CASE("a service that works is told in one line") {
  const auto healthy = verdict_on(R"({"healthy":true,"status":"healthy","service":"processor"})");
  CHECK(healthy.works);
  CHECK(healthy.line == "processor: healthy, 1.2 ms");
  const auto warning = verdict_on(R"({"status":"warning","service":"processor","components":[
      {"name":"queue","status":"healthy"},
      {"name":"lag","status":"warning","reason":"7 messages wait"},
      {"name":"disk","status":"warning","reason":"90 %\nused"}]})");
  CHECK(warning.works);
  CHECK(warning.line == "processor: warning: lag: 7 messages wait; disk: 90 % used, 1.2 ms");
}

TEST_CASE("a service that doesn't work says why") {
  const auto bad = verdict_on(
      R"({"status":"unhealthy","service":"processor","components":[],"error":"queue: gone"})", 503);
  CHECK_FALSE(bad.works);
  CHECK(bad.line == "processor: unhealthy: queue: gone, 1.2 ms");
}

TEST_CASE("a service without a free connection is there") {
  const auto busy = verdict_on(
      R"({"title":"Service Unavailable","status":503,"detail":"no connection is\nfree"})", 503);
  CHECK_FALSE(busy.works);
  CHECK(busy.line == "processor: unhealthy: takes no connection: no connection is free, 1.2 ms");
  for (const char* body : {R"({"detail":7})", R"({"detail":""})"}) {
    CHECK(verdict_on(body, 503).line.find("not a service of ours") != std::string::npos);
  }
  CHECK(verdict_on(R"({"status":404,"detail":"no such path"})", 404)
            .line.find("not a service of ours") != std::string::npos);
}

TEST_CASE("an answer that isn't its own is none") {
  for (const char* body : {"", "ok", "[]", R"({"status":7})", R"({"status":"fine"})"}) {
    const auto verdict = verdict_on(body, 404);
    CHECK_FALSE(verdict.works);
    CHECK(verdict.line ==
          "processor: no answer at " + kUrl + "/health: not a service of ours, it says 404");
  }
  CHECK(verdict_on(R"({"status":"healthy","service":"ingest"})").line ==
        "processor: no answer at " + kUrl + "/health: ingest is there");
}

TEST_CASE("no answer at all says where it was expected") {
  const auto verdict = judge_answer(
      "processor", kUrl, {Status(Code::unavailable, "127.0.0.1:8082: Connection refused")});
  CHECK_FALSE(verdict.works);
  CHECK(verdict.line == "processor: no answer at " + kUrl + "/health: connection refused");
}

TEST_CASE("it is asked where it listens, on this machine") {
  config::Settings settings;
  using config::Service;
  CHECK(health_url(Service::gateway, settings) == "http://127.0.0.1:8080");
  CHECK(health_url(Service::ingest, settings) == "http://127.0.0.1:8081");
  CHECK(health_url(Service::processor, settings) == "http://127.0.0.1:8082");
  CHECK(health_url(Service::grpc, settings) == "http://127.0.0.1:9095");
  settings.bind_address = "::";
  CHECK(health_url(Service::gateway, settings) == "http://[::1]:8080");
  settings.bind_address = "10.1.2.3";
  CHECK(health_url(Service::gateway, settings) == "http://10.1.2.3:8080");
  settings.bind_address = "fe80::1";
  CHECK(health_url(Service::gateway, settings) == "http://[fe80::1]:8080");
}

}  // namespace
}  // namespace millrace::app
