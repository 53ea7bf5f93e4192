#include "edge/ops.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "edge/test_edge.h"

namespace millrace::edge {
namespace {

using namespace testing;

struct Ops {
  Ops() {
    state.service = "tested";
    state.can_work = [this](UniqueFunction<void(Status)> done) { done(work); };
    state.health.known.push_back({"queue", [this] { return queue; }});
    state.stats_json = [] { return std::string(R"({"some":1})"); };
  }
  http::Router routes() {
    http::Router router;
    add_ops_routes(router, state, registry);
    return router;
  }

  Status work;
  Component queue{.name = "queue"};
  observe::Registry registry;
  OpsState state;
};

TEST_CASE("alive, but not ready before the start is over nor in a drain") {
  Ops t;
  const TestServer server(t.routes());
  for (const bool ready : {false, true, false}) {
    t.state.ready = ready;
    CHECK(ask(server, get("/livez")).status == 200);
    for (const char* path : {"/readyz", "/health"}) {
      const auto response = ask(server, get(path));
      CHECK(response.status == (ready ? 200 : 503));
      CHECK(response.header("Retry-After").empty() == ready);
    }
  }
}

TEST_CASE("a service that can't work isn't ready and says why") {
  Ops t;
  t.state.ready = true;
  t.work = {Code::unavailable, "the broker is down"};
  const TestServer server(t.routes());
  const auto ready = ask(server, get("/readyz"));
  CHECK(ready.status == 503);
  CHECK(json_of(ready) ==
        nlohmann::json{{"ready", false}, {"service", "tested"}, {"error", "the broker is down"}});
}

TEST_CASE("a reason that isn't UTF-8 is told too") {
  Ops t;
  t.state.ready = true;
  t.work = {Code::unavailable, "caf\xE9 is down"};
  const TestServer server(t.routes());
  const auto ready = ask(server, get("/readyz"));
  CHECK(ready.status == 503);
  CHECK(json_of(ready).at("error") == "caf\xEF\xBF\xBD is down");
}

TEST_CASE("health is what the components say, and a warning is no failure") {
  Ops t;
  t.state.ready = true;
  for (const Health health : {Health::healthy, Health::warning, Health::unhealthy}) {
    const bool bad = health == Health::unhealthy;
    t.queue.health = health;
    t.queue.reason = health == Health::healthy ? "" : "why";
    const TestServer server(t.routes());
    const auto answer = ask(server, get("/health"));
    CHECK(answer.status == (bad ? 503 : 200));
    CHECK(answer.header("Retry-After").empty() == !bad);
    const auto body = json_of(answer);
    CHECK(body.at("healthy") == !bad);
    CHECK(body.at("status") == std::string(health_name(health)));
    CHECK(body.at("components").at(0).at("name") == "queue");
    CHECK(body.value("error", "") == (bad ? "queue: why" : ""));
  }
}

TEST_CASE("health says that a service is starting or draining, and nothing of its components") {
  Ops t;
  const TestServer server(t.routes());
  const auto body = json_of(ask(server, get("/health")));
  CHECK(body.at("status") == "unhealthy");
  CHECK(body.at("error") == "starting or draining");
  CHECK(body.at("components").empty());
}

TEST_CASE("stats and metrics are shown") {
  Ops t;
  t.registry.counter("millrace_tested_total", "A count.").add(3);
  const TestServer server(t.routes());
  CHECK(ask(server, get("/stats")).body == R"({"some":1})");
  const auto metrics = ask(server, get("/metrics"));
  CHECK(metrics.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(metrics.body.find("millrace_tested_total 3") != std::string::npos);
}

TEST_CASE("a service without stats has no such path") {
  Ops t;
  t.state.stats_json = nullptr;
  const TestServer server(t.routes());
  CHECK(ask(server, get("/stats")).status == 404);
}

}  // namespace
}  // namespace millrace::edge
