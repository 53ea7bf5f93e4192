#include "edge/gateway/status_join.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "edge/test_edge.h"

namespace millrace::edge {
namespace {

using namespace testing;
using http::Method;
using http::Reply;
using http::Request;
using http::Response;
using http::testing::RefusingPort;
using http::testing::SilentPort;
using http::testing::upstream_at;

// A service as the join sees it.
http::Router service(std::string stats, Response health = Response::json(R"({"healthy":true})")) {
  http::Router router;
  router.add({"stats", Method::get, "/stats", [stats](const Request&, Reply reply) {
                std::move(reply).send(Response::json(stats));
              }});
  router.add({"health", Method::get, "/health",
              [health](const Request&, Reply reply) { std::move(reply).send(health); }});
  return router;
}

nlohmann::json join(const std::vector<std::uint16_t>& ingest,
                    const std::vector<std::uint16_t>& processors) {
  const auto source = [](const std::vector<std::uint16_t>& ports) {
    return [ports] {
      std::vector<http::Upstream> upstreams;
      for (const auto port : ports) upstreams.push_back(upstream_at(port));
      return upstreams;
    };
  };
  const GatewayUpstreams upstreams{source(ingest), source(processors)};
  http::Router router;
  router.add({"status", Method::get, "/status", [&](const Request&, Reply reply) {
                join_status(*http::Reactor::current(), upstreams, std::move(reply));
              }});
  const TestServer server(std::move(router));
  const auto response = ask(server, get("/status"));
  CHECK(response.status == 200);
  return json_of(response);
}

TEST_CASE("the services' states are joined") {
  const TestServer ingest(service(R"({"TotalReceived":3})"));
  const TestServer processor(service(R"({"queue":{"size":1}})"));
  CHECK(join({ingest.server.port()}, {processor.server.port()}) ==
        nlohmann::json::parse(R"({"ingest":{"healthy":true,"stats":{"TotalReceived":3}},
                                  "processor":{"healthy":true,"stats":{"queue":{"size":1}}}})"));
}

TEST_CASE("numbers of several instances are added up, and one that is ill counts for all") {
  const TestServer one(service(R"({"queue":{"size":1,"capacity":10},"type":"memory"})"));
  const TestServer two(service(R"({"queue":{"size":2,"capacity":10},"type":"memory"})",
                               Response::json(R"({"error":"the disk is full"})", 503)));
  const auto processor = join({}, {one.server.port(), two.server.port()}).at("processor");
  CHECK(processor.at("stats") ==
        nlohmann::json::parse(R"({"queue":{"size":3,"capacity":20},"type":"memory"})"));
  CHECK(processor.at("instances") == 2);
  CHECK(processor.at("healthy") == false);
  CHECK(processor.at("error") ==
        "127.0.0.1:" + std::to_string(two.server.port()) + ": the disk is full");
}

TEST_CASE("a state that is too deep or too long is nonsense") {
  const auto says = [](const std::string& stats) {
    const TestServer ingest(service(stats));
    return join({ingest.server.port()}, {}).at("ingest");
  };
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CHECK(says(nested(10)).at("healthy") == true);
  // Regression: the deep one ended the process, by a stack overflow.
  for (const std::string& stats : {nested(100), nested(30'000), nested(100'000),
                                   "{\"a\":\"" + std::string(100'000, 'x') + "\"}"}) {
    CHECK(says(stats).at("healthy") == false);
    CHECK_FALSE(says(stats).contains("stats"));
  }
}

TEST_CASE("services that are gone, hang or talk nonsense don't hold the answer up") {
  const RefusingPort gone;
  const SilentPort silent;
  const TestServer confused(service("[1,2"));
  const auto began = std::chrono::steady_clock::now();
  const auto status = join({gone.port()}, {silent.port(), confused.server.port()});
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(2));
  CHECK(status.at("ingest").at("healthy") == false);
  CHECK_FALSE(status.at("ingest").at("error").get<std::string>().empty());
  CHECK_FALSE(status.at("ingest").contains("stats"));
  CHECK(status.at("processor").at("healthy") == false);
}

}  // namespace
}  // namespace millrace::edge
