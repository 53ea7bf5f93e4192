// Batches at the gateway, before an ingest edge that works and before ones that don't.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "edge/batch/piece.h"
#include "edge/gateway/test_gateway.h"
#include "http/hop_codec.h"

namespace millrace::edge {
namespace {

using namespace testing;
using http::testing::eventually;
using http::testing::RefusingPort;
using http::testing::ScriptedPeer;
using nlohmann::json;

constexpr const char* kPath = "/api/v1/ingest/batch";
constexpr const char* kNdjson = "Content-Type: application/x-ndjson\r\n";

std::string lines(std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all.append(kGoodBody).append("\n");
  return all;
}

// A request whose body will be of `whole` bytes, and the first of them.
std::string begun(std::size_t whole, const std::string& first) {
  return "POST " + std::string(kPath) + " HTTP/1.1\r\nHost: h\r\n" + kNdjson +
         "Content-Length: " + std::to_string(whole) + "\r\n\r\n" + first;
}

TEST_CASE("each message of a batch has the queue's verdict on it", "[batch]") {
  IngestServer ingest;
  const GatewayServer gateway(ingest.server.port());
  auto connection = gateway.connect();
  connection.send(post(kPath, lines(3), kNdjson));
  Publication publication = ingest.producer.take();
  publication.done({Status(), Status(Code::full, "the queue is full"), Status()});
  const auto response = connection.response();
  CHECK(response.status == 207);
  const json items = json_of(response).at("items");
  REQUIRE(items.size() == 3);
  CHECK(items[0].at("messageId") == publication.batch[0].id());
  CHECK(items[1].at("problem").at("status") == 503);
  CHECK(items[1].at("problem").at("detail") == "the queue is full");
  CHECK(items[2].at("messageId") == publication.batch[2].id());
}

TEST_CASE("a batch is on its way before all of it is there", "[batch]") {
  IngestServer ingest;
  const GatewayServer gateway(ingest.server.port());
  auto connection = gateway.connect();
  const std::string half = lines(2);
  connection.send(begun(2 * half.size(), half));
  Publication first = ingest.producer.take();
  CHECK(first.batch.size() == 2);
  first.answer({});
  CHECK_FALSE(connection.readable(std::chrono::milliseconds(20)));
  connection.send(half);
  Publication second = ingest.producer.take();
  second.answer({});
  const auto response = connection.response();
  CHECK(response.status == 200);
  const json items = json_of(response).at("items");
  REQUIRE(items.size() == 4);
  CHECK(items[1].at("messageId") == first.batch[1].id());
  CHECK(items[2].at("messageId") == second.batch[0].id());
}

TEST_CASE("a batch for an ingest that is down is refused, to be sent again", "[batch]") {
  const RefusingPort gone;
  const GatewayServer gateway(gone.port(), std::chrono::milliseconds(300));
  const auto response = gateway.ask(post(kPath, lines(5), kNdjson));
  CHECK(response.status == 503);
  CHECK(response.header("Retry-After") == "1");
  CHECK(json_of(response).at("rejected") == 5);
}

// Any of its messages may be in the queue: "refused" would be a lie.
void check_unknown(const ScriptedPeer::Script& script) {
  ScriptedPeer ingest(script);
  const GatewayServer gateway(ingest.port(), std::chrono::milliseconds(300));
  const auto response = gateway.ask(post(kPath, lines(5), kNdjson));
  CHECK(response.status == 504);
  CHECK(response.header("Retry-After").empty());
  const json body = json_of(response);
  CHECK(body.at("unknown") == 5);
  CHECK(body.at("rejected") == 0);
  CHECK(body.at("items").size() == 5);
}

void answer_with(RawConnection& connection, const http::HopAnswer& answer) {
  connection.request();
  const std::string reply = http::encode_hop_reply({answer});
  connection.send("HTTP/1.1 200 OK\r\nContent-Type: " + std::string(http::kHopContentType) +
                  "\r\nContent-Length: " + std::to_string(reply.size()) + "\r\n\r\n" + reply);
}

TEST_CASE("an ingest that is lost with a batch leaves its outcome unknown", "[batch]") {
  check_unknown([](RawConnection& connection) { connection.request(); });
  check_unknown([](RawConnection& connection) {
    connection.request();
    connection.request();  // hangs until the gateway has given up
  });
}

TEST_CASE("an answer to another piece than was sent leaves its outcome unknown", "[batch]") {
  PieceAnswer four;
  four.count = 4;
  four.ids = std::string(4 * PieceAnswer::kIdBytes, '0');
  check_unknown([&](RawConnection& connection) {
    answer_with(connection, {Code::ok, encode_piece_answer(four)});
  });
  check_unknown([](RawConnection& connection) { answer_with(connection, {Code::ok, "nonsense"}); });
}

TEST_CASE("what is refused as a piece is refused for each of its messages", "[batch]") {
  ScriptedPeer ingest([](RawConnection& connection) {
    answer_with(connection, {Code::full, "no room for it"});
    connection.request();
  });
  const GatewayServer gateway(ingest.port());
  const auto response = gateway.ask(post(kPath, lines(5), kNdjson));
  CHECK(response.status == 503);
  CHECK(json_of(response).at("items")[4].at("problem").at("detail") == "no room for it");
}

TEST_CASE("a client that leaves amid its batch leaves nothing behind", "[batch]") {
  IngestServer ingest;
  const GatewayServer gateway(ingest.server.port());
  {
    auto connection = gateway.connect();
    connection.send(begun(100'000, lines(2)));
    Publication first = ingest.producer.take();
    connection.reset();
    first.answer({});
  }
  auto next = gateway.connect();
  next.send(post(kPath, lines(1), kNdjson));
  ingest.producer.take().answer({});
  CHECK(next.response().status == 200);
  eventually("only one connection is open", [&] { return gateway.open_connections() == 1; });
}

}  // namespace
}  // namespace millrace::edge
