#include "edge/enqueue/enqueue_routes.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "edge/test_edge.h"
#include "fakes/messages.h"
#include "http/hop_codec.h"

namespace millrace::edge {
namespace {

using namespace testing;
using fakes::make_message;

constexpr const char* kHopPath = "/hop/enqueue";
const std::string kHopType = "Content-Type: " + std::string(http::kHopContentType) + "\r\n";
const std::string kProtobufType = "Content-Type: application/x-protobuf\r\n";
constexpr const char* kJson =
    R"({"id":"m-1","timestamp":1700000000,"source":"s","payload":"aGk=","metadata":{"k":"v"}})";

struct EnqueueServer {
  FakeProducer producer;
  observe::Registry registry;
  http::ReactorPool reactors{1};
  http::Server server{reactors, routes(), {}, registry};
  RawConnection connection = start();

  ~EnqueueServer() { server.abort(); }

 private:
  RawConnection start() {
    REQUIRE(server.start().ok());
    return RawConnection::connect(server.port());
  }
  http::Router routes() {
    http::Router router;
    add_enqueue_route(router, producer, reactors, std::chrono::seconds(5));
    add_hop_route(router, producer, reactors, kHopPath, std::chrono::seconds(5));
    return router;
  }
};

TEST_CASE("a message is enqueued as JSON or as protobuf, with the id it has") {
  EnqueueServer t;
  const std::string requests[] = {post("/enqueue", kJson),
                                  post("/enqueue", make_message(1).wire(), kProtobufType)};
  for (const auto& request : requests) {
    t.connection.send(request);
    Publication publication = t.producer.take();
    CHECK_FALSE(t.connection.readable(std::chrono::milliseconds(10)));
    CHECK(publication.batch.at(0).id() == "m-1");
    publication.answer({});
    const auto response = t.connection.response();
    CHECK(response.status == 202);
    CHECK(json_of(response).at("messageId") == "m-1");
  }
}

TEST_CASE("what the queue says of an enqueued message is told") {
  EnqueueServer t;
  for (const auto& [code, status, retry_after] : kVerdictCases) {
    CAPTURE(code_name(code));
    t.connection.send(post("/enqueue", kJson));
    t.producer.take().answer(Status(code, "because"));
    const auto response = t.connection.response();
    CHECK(response.status == status);
    CHECK(response.header("Retry-After").empty() != retry_after);
  }
}

TEST_CASE("what can't be enqueued is refused") {
  EnqueueServer t;
  const auto status_of = [&](const std::string& request) {
    t.connection.send(request);
    return t.connection.response().status;
  };
  CHECK(status_of(post("/enqueue", "{")) == 400);
  CHECK(status_of(post("/enqueue", R"({"id":"","timestamp":1,"source":"s","payload":""})")) == 422);
  CHECK(status_of(post("/enqueue", "\xff", kProtobufType)) == 400);
  CHECK(status_of(post("/enqueue", kJson, "Content-Type: text/csv\r\n")) == 415);
  CHECK(status_of(post(kHopPath, "\xff", kHopType)) == 400);
  CHECK(status_of(post(kHopPath, kJson)) == 415);
  CHECK(t.producer.published() == 0);
}

TEST_CASE("a bad message in a batch fails alone") {
  EnqueueServer t;
  std::string batch;
  for (const std::string& wire :
       {make_message(1).wire(), std::string("\xff"), make_message(2).wire()}) {
    http::append_hop_item(batch, {wire, {}, {}});
  }
  t.connection.send(post(kHopPath, batch, kHopType));
  Publication publication = t.producer.take();
  REQUIRE(publication.batch.size() == 2);
  publication.done({Status(Code::full, "full"), Status()});
  const auto answers = http::decode_hop_reply(t.connection.response().body).value();
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].code == Code::full);
  CHECK(answers[1].code == Code::invalid);
  CHECK(answers[2].code == Code::ok);
}

TEST_CASE("a batch of bad messages isn't published") {
  EnqueueServer t;
  std::string batch;
  http::append_hop_item(batch, {"\xff", {}, {}});
  t.connection.send(post(kHopPath, batch, kHopType));
  const auto answers = http::decode_hop_reply(t.connection.response().body).value();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].code == Code::invalid);
  CHECK(t.producer.published() == 0);
}

}  // namespace
}  // namespace millrace::edge
