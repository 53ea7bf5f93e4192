// A server on real sockets. Limits and timeouts: server_limits_test.cpp; its end:
// server_drain_test.cpp.
#include "http/server.h"

#include <catch2/catch.hpp>

#include "http/test_conversation.h"
#include "http/test_io.h"

namespace millrace::http {
namespace {

using namespace testing;

Router echo_router() {
  Router router;
  router.add({"echo", Method::post, "/echo", [](const Request& request, Reply reply) {
                std::move(reply).send(Response::text(std::string(request.body)));
              }});
  return router;
}

// /late hands its Reply to the test.
Router late_router(Mailbox<Reply>& late) {
  Router router = echo_router();
  router.add({"late", Method::get, "/late",
              [&late](const Request&, Reply reply) { late.put(std::move(reply)); }});
  return router;
}

void answer(TestServer& server, Mailbox<Reply>& late, const std::string& body) {
  auto reply = std::make_shared<Reply>(late.take("a request"));
  server.reactors[0].post([reply, body] { std::move(*reply).send(Response::text(body)); });
}

TEST_CASE("many connections are served on several threads") {
  TestServer server(echo_router(), {}, 2);
  std::vector<RawConnection> connections;
  for (int i = 0; i < 50; ++i) connections.push_back(server.connect());
  for (int round = 0; round < 3; ++round) {
    for (auto& connection : connections) connection.send(post("/echo", "a") + post("/echo", "b"));
    for (auto& connection : connections) {
      CHECK(connection.response().body == "a");
      CHECK(connection.response().body == "b");
    }
  }
  CHECK(server.counted("millrace_http_requests_total") == 300);
  CHECK(server.counted("millrace_http_connections_accepted_total") == 50);
  CHECK(server.counted("millrace_http_connections_open") == 50);
  connections.clear();
  eventually("no connection is open",
             [&] { return server.counted("millrace_http_connections_open") == 0; });
}

TEST_CASE("a megabyte goes in and out") {
  TestServer server(echo_router());
  auto connection = server.connect();
  const std::string body(kBodyBytesMax, 'x');
  connection.send(post("/echo", body) + post("/echo", body));
  CHECK(connection.response().body == body);
  CHECK(connection.response().body == body);
}

TEST_CASE("answers that come late are sent") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  auto connection = server.connect();
  connection.send(get("/late") + get("/late"));
  answer(server, late, "first");
  CHECK(connection.response().body == "first");
  answer(server, late, "second");
  CHECK(connection.response().body == "second");
}

TEST_CASE("more requests than are taken at once are answered all the same") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  auto connection = server.connect();
  std::string bytes;
  const int count = 3 * static_cast<int>(kPipelinedMax);
  for (int i = 0; i < count; ++i) bytes += get("/late");
  connection.send(bytes);
  for (int i = 0; i < count; ++i) answer(server, late, std::to_string(i));
  for (int i = 0; i < count; ++i) REQUIRE(connection.response().body == std::to_string(i));
}

TEST_CASE("a client that sends no more still gets its answer") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  auto connection = server.connect();
  connection.send(get("/late"));
  connection.finish_sending();
  answer(server, late, "late");
  CHECK(connection.response().body == "late");
  CHECK(connection.rest().empty());
}

TEST_CASE("a client that is gone does no harm") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  auto connection = server.connect();
  connection.send(get("/late"));
  auto reply = std::make_shared<Reply>(late.take("the request"));
  connection.reset();
  eventually("the server sees it",
             [&] { return server.counted("millrace_http_connections_open") == 0; });
  server.reactors[0].post([reply] { std::move(*reply).send(Response::text("")); });
  auto other = server.connect();
  other.send(post("/echo", "works"));
  CHECK(other.response().body == "works");
  CHECK(server.counted("millrace_http_requests_total") == 1);
}

TEST_CASE("a refused client that goes on sending sees the answer") {
  TestServer server(echo_router());
  auto connection = server.connect();
  connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n");
  connection.send(std::string(2'000'000, 'x'));
  const auto response = connection.response();
  CHECK(response.status == 413);
  CHECK(response.closes());
  connection.finish_sending();
  CHECK(connection.rest().empty());
}

TEST_CASE("a refused client that doesn't go is cut off") {
  TestServer server(echo_router());
  auto connection = server.connect();
  connection.send("nonsense\r\n\r\n");
  CHECK(connection.response().status == 400);
  CHECK(connection.rest().empty());  // our side is closed at once
  eventually("the connection is cut",
             [&] { return server.counted("millrace_http_connections_open") == 0; });
}

TEST_CASE("Connection: close is kept") {
  TestServer server(echo_router());
  auto connection = server.connect();
  connection.send(post("/echo", "last", "Connection: close\r\n"));
  CHECK(connection.response().closes());
  CHECK(connection.rest().empty());
}

Status start(const std::string& address, std::uint16_t port, bool share = false) {
  observe::Registry registry;
  ReactorPool reactors(2);
  ServerOptions options;
  options.share_port = share;
  options.bind_address = address;
  options.port = port;
  Server server(reactors, Router(), options, registry);
  return server.start();
}

TEST_CASE("a port that is taken is said to be") {
  TestServer first(echo_router(), {}, 2);
  const RefusingPort other;
  for (const std::uint16_t port : {first.server.port(), other.port()}) {
    const Status taken = start("127.0.0.1", port);
    CHECK(taken.code() == Code::unavailable);
    CHECK(taken.text() ==
          "can't listen on 127.0.0.1 port " + std::to_string(port) + ": Address already in use");
  }
}

TEST_CASE("a port is shared by who wants that with one of ours that is there, whatever it wants") {
  const RefusingPort not_ours;
  CHECK(start("127.0.0.1", not_ours.port(), true).code() == Code::unavailable);
  for (const bool share : {true, false}) {
    ServerOptions options;
    options.share_port = share;
    const TestServer first(echo_router(), options, 2);
    CHECK(start("127.0.0.1", first.server.port(), true).ok());
    CHECK(start("127.0.0.1", first.server.port(), false).code() == Code::unavailable);
  }
}

TEST_CASE("of two that share a port one replaces the other") {
  ServerOptions options;
  options.share_port = true;
  TestServer before(echo_router(), options, 2);
  options.port = before.server.port();
  TestServer after(echo_router(), options, 2);
  std::vector<RawConnection> connections;
  for (int i = 0; i < 64; ++i) connections.push_back(after.connect());
  const auto open = [](const TestServer& server) {
    return server.counted("millrace_http_connections_open");
  };
  eventually("all are accepted", [&] { return open(before) + open(after) == 64; });
  CHECK(open(before) > 0);
  CHECK(open(after) > 0);
  before.server.stop_accepting();
  CHECK(before.server.drain(within()).ok());
  for (int i = 0; i < 32; ++i) {
    auto connection = after.connect();
    connection.send(post("/echo", "a"));
    CHECK(connection.response().body == "a");
  }
}

TEST_CASE("an address that can't be listened on is said to be") {
  CHECK(start("192.0.2.1", 0).code() == Code::unavailable);  // reserved for documentation
  CHECK(start("localhost", 0) == Status(Code::invalid, "localhost: not an IP address"));
  CHECK(start("127.0.0.1", 0).ok());
}

}  // namespace
}  // namespace millrace::http
