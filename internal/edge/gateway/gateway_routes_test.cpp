// The gateway before a real ingest edge, whose queue is the test.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "edge/gateway/test_gateway.h"

namespace millrace::edge {
namespace {

using namespace testing;
using http::testing::RefusingPort;
using http::testing::ScriptedPeer;
using http::testing::upstream_at;

constexpr const char* kPath = "/api/v1/ingest";

TEST_CASE("a message goes through gateway and ingest, and the answer comes back") {
  IngestServer ingest;
  const GatewayServer gateway(ingest.server.port());
  auto connection = gateway.connect();
  connection.send(post(kPath, kGoodBody));
  Publication publication = ingest.producer.take();
  CHECK_FALSE(connection.readable(std::chrono::milliseconds(20)));
  publication.answer({});
  const auto response = connection.response();
  CHECK(response.status == 200);
  CHECK(json_of(response).at("messageId") == publication.batch.at(0).id());
  CHECK(json_of(response).at("status") == "accepted");
}

TEST_CASE("what the queue says reaches the gateway's client") {
  IngestServer ingest;
  const GatewayServer gateway(ingest.server.port());
  auto connection = gateway.connect();
  for (const auto& [code, status, retry_after] : kVerdictCases) {
    CAPTURE(code_name(code));
    connection.send(post(kPath, kGoodBody, "X-Request-Id: mine\r\n"));
    ingest.producer.take().answer(Status(code, "because"));
    const auto response = connection.response();
    CHECK(response.status == status);
    CHECK(response.header("Retry-After").empty() != retry_after);
    CHECK(response.header("X-Request-Id") == "mine");
    CHECK(json_of(response).at("detail") == "because");
    CHECK(json_of(response).at("request_id") == "mine");
  }
}

TEST_CASE("an Idempotency-Key reaches ingest") {
  IngestServer ingest;
  const GatewayServer gateway(ingest.server.port());
  auto connection = gateway.connect();
  std::string ids[2];
  for (auto& id : ids) {
    connection.send(post(kPath, kGoodBody, "Idempotency-Key: key\r\n"));
    if (&id == &ids[0]) ingest.producer.take().answer({});
    id = json_of(connection.response()).at("messageId");
  }
  CHECK(ids[0] == ids[1]);
  CHECK(ingest.producer.published() == 1);
}

TEST_CASE("what ingest refuses is refused with its reason") {
  IngestServer ingest;
  const GatewayServer gateway(ingest.server.port());
  const auto malformed = gateway.ask(post(kPath, "{"));
  CHECK(malformed.status == 400);
  CHECK(json_of(malformed).at("detail").get<std::string>().find("line 1") != std::string::npos);
  CHECK(gateway.ask(post(kPath, R"({"data":"d"})")).status == 422);
  CHECK(gateway.ask(post(kPath, kGoodBody, "Content-Type: text/xml\r\n")).status == 415);
  CHECK(ingest.producer.published() == 0);
}

TEST_CASE("an ingest that is down means try again later") {
  const RefusingPort gone;
  const GatewayServer gateway(gone.port(), std::chrono::milliseconds(300));
  const auto response = gateway.ask(post(kPath, kGoodBody));
  CHECK(response.status == 503);
  CHECK(response.header("Retry-After") == "1");
}

TEST_CASE("an ingest that takes a request and doesn't answer it leaves the outcome unknown") {
  const auto outcome = [](const ScriptedPeer::Script& script) {
    ScriptedPeer ingest(script);
    const GatewayServer gateway(ingest.port(), std::chrono::milliseconds(300));
    const auto response = gateway.ask(post(kPath, kGoodBody));
    CHECK(response.header("Retry-After").empty());
    return response.status;
  };
  CHECK(outcome([](RawConnection& connection) { connection.request(); }) == 504);
  CHECK(outcome([](RawConnection& connection) {
          connection.request();
          connection.send("SSH-2.0-nonsense\r\n");
        }) == 504);
  CHECK(outcome([](RawConnection& connection) {
          connection.request();
          connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        }) == 504);
  CHECK(outcome([](RawConnection& connection) {
          connection.request();
          connection.request();  // hangs until the gateway has given up
        }) == 504);
}

}  // namespace
}  // namespace millrace::edge
