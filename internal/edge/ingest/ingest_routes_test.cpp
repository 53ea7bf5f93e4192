#include "edge/ingest/ingest_routes.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/uuid.h"
#include "edge/batch/piece.h"
#include "edge/ingest/test_ingest.h"
#include "http/hop_codec.h"

namespace millrace::edge {
namespace {

using namespace testing;

const std::string kHopType = "Content-Type: " + std::string(http::kHopContentType) + "\r\n";

TEST_CASE("ingest answers accepted once the queue has the message, not before") {
  IngestServer t;
  auto connection = t.connect();
  const Time before = std::chrono::steady_clock::now();
  connection.send(post("/ingest", kGoodBody));
  Publication publication = t.producer.take();
  CHECK_FALSE(connection.readable(std::chrono::milliseconds(20)));
  CHECK(publication.deadline >= before + kIngestTimeout);
  publication.answer({});
  const auto response = connection.response();
  CHECK(response.status == 200);
  CHECK(response.header("Content-Type") == "application/json");
  CHECK(json_of(response) ==
        nlohmann::json{{"messageId", publication.batch.at(0).id()}, {"status", "accepted"}});
}

TEST_CASE("what the queue says is told") {
  IngestServer t;
  auto connection = t.connect();
  for (const auto& [code, status, retry_after] : kVerdictCases) {
    CAPTURE(code_name(code));
    connection.send(post("/ingest", kGoodBody));
    t.producer.take().answer(Status(code, "because"));
    const auto response = connection.response();
    CHECK(response.status == status);
    CHECK(response.header("Content-Type") == "application/problem+json");
    CHECK(response.header("Retry-After").empty() != retry_after);
    CHECK(json_of(response).at("detail") == "because");
    CHECK(json_of(response).at("request_id") == response.header("X-Request-Id"));
  }
}

TEST_CASE("what isn't a message is refused, and not published") {
  IngestServer t;
  CHECK(t.ask(post("/ingest", "")).status == 400);
  const auto malformed = t.ask(post("/ingest", "{\"source\":\"a\",\n\"data\" 1}"));
  CHECK(malformed.status == 400);
  CHECK(json_of(malformed).at("detail").get<std::string>().find("line 2") != std::string::npos);
  const auto missing = t.ask(post("/ingest", R"({"source":"a"})"));
  CHECK(missing.status == 422);
  CHECK(json_of(missing).at("detail").get<std::string>().find("data") != std::string::npos);
  CHECK(t.ask(post("/ingest", kGoodBody, "Content-Type: text/plain\r\n")).status == 415);
  CHECK(t.producer.published() == 0);
  CHECK(ingest_stats(t.core).dump() == R"({"TotalReceived":0,"TotalSent":0,"TotalFailed":0})");
}

TEST_CASE("a Content-Type may have parameters, or be missing") {
  IngestServer t;
  auto connection = t.connect();
  for (const char* lines : {"Content-Type: Application/JSON ; charset=utf-8\r\n", ""}) {
    connection.send(post("/ingest", kGoodBody, lines));
    t.producer.take().answer({});
    CHECK(connection.response().status == 200);
  }
}

TEST_CASE("a hop's items are judged one by one") {
  IngestServer t;
  std::string batch;
  http::append_hop_item(batch, {kGoodBody, "request-1", "key"});
  http::append_hop_item(batch, {"not JSON", "request-2", ""});
  http::append_hop_item(batch, {kGoodBody, "request-3", "key"});
  auto connection = t.connect();
  connection.send(post(std::string(kHopIngestPath), batch, kHopType));
  Publication publication = t.producer.take();
  REQUIRE(publication.batch.size() == 2);
  CHECK(publication.batch[0].id() == publication.batch[1].id());  // one key, one message
  publication.done({Status(), Status(Code::full, "full")});
  const auto response = connection.response();
  CHECK(response.status == 200);
  const auto answers = http::decode_hop_reply(response.body).value();
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].code == Code::ok);
  CHECK(answers[0].text == publication.batch[0].id());
  CHECK(answers[1].code == Code::invalid);
  CHECK(answers[2].code == Code::full);
}

TEST_CASE("a piece of a batch in a hop is answered line by line") {
  IngestServer t;
  std::string batch;
  http::append_hop_item(batch, {kGoodBody, "request-1", "", 0});
  http::append_hop_item(
      batch, {std::string(kGoodBody) + "\nnot JSON\n\n" + kGoodBody + "\n", "request-2", "key", 5});
  auto connection = t.connect();
  connection.send(post(std::string(kHopIngestPath), batch, kHopType));
  Publication publication = t.producer.take();
  REQUIRE(publication.batch.size() == 3);
  CHECK(publication.batch[1].id() == Uuid::derived("s", "key", 5).text());
  CHECK(publication.batch[2].id() == Uuid::derived("s", "key", 8).text());
  publication.done({Status(), Status(), Status(Code::full, "full")});
  const auto answers = http::decode_hop_reply(connection.response().body).value();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].text == publication.batch[0].id());
  CHECK(answers[1].code == Code::ok);
  const auto piece = decode_piece_answer(answers[1].text, 4).value();
  CHECK(piece.ids == publication.batch[1].id());
  REQUIRE(piece.problems.size() == 3);
  CHECK(piece.problems[0].at == 1);
  CHECK(piece.problems[0].why.code() == Code::invalid);
  CHECK(piece.problems[1].at == 2);
  CHECK(piece.problems[2].why == Status(Code::full, "full"));
}

TEST_CASE("a piece of more lines than a gateway sends is refused before it is looked at") {
  IngestServer t;
  std::string batch;
  http::append_hop_item(batch, {std::string(1'000'000, '\n'), "", "", 1});
  http::append_hop_item(batch, {kGoodBody, "", "", 0});
  auto connection = t.connect();
  connection.send(post(std::string(kHopIngestPath), batch, kHopType));
  Publication publication = t.producer.take();
  CHECK(publication.batch.size() == 1);
  publication.answer({});
  const auto answers = http::decode_hop_reply(connection.response().body).value();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].code == Code::too_large);
  CHECK(answers[1].code == Code::ok);
}

TEST_CASE("a hop that isn't one is refused whole") {
  IngestServer t;
  const std::string path(kHopIngestPath);
  CHECK(t.ask(post(path, "\xff\xff\xff", kHopType)).status == 400);
  CHECK(t.ask(post(path, "{}")).status == 415);
  CHECK(t.producer.published() == 0);
}

}  // namespace
}  // namespace millrace::edge
