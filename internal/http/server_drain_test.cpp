// How a server ends: no new connections, what is under way is answered, and then nothing is left.
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "http/hold_off.h"
#include "http/test_conversation.h"
#include "http/test_io.h"

namespace millrace::http {
namespace {

using namespace testing;
using std::chrono::milliseconds;

Router late_router(Mailbox<Reply>& late) {
  Router router;
  router.add({"late", Method::get, "/late",
              [&late](const Request&, Reply reply) { late.put(std::move(reply)); }});
  router.add({"hello", Method::get, "/hello",
              [](const Request&, Reply reply) { std::move(reply).send(Response::text("hello")); }});
  return router;
}

// The socket that listens on that port, in this process.
int listening_socket(std::uint16_t port) {
  constexpr int kDescriptors = 1024;
  for (int socket = 0; socket < kDescriptors; ++socket) {
    int listening = 0;
    sockaddr_in address{};
    socklen_t size = sizeof listening;
    if (::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) continue;
    size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    if (listening != 0 && ntohs(address.sin_port) == port) return socket;
  }
  throw std::runtime_error("nobody listens on that port");
}

void send_on(Reactor& reactor, Reply reply) {
  auto kept = std::make_shared<Reply>(std::move(reply));
  reactor.post([kept] { std::move(*kept).send(Response::text("late")); });
}

TEST_CASE("a drain closes idle connections and takes no new ones") {
  Mailbox<Reply> late;
  TestServer server(late_router(late), {}, 2);
  auto fresh = server.connect();
  auto used = server.connect();
  used.send(get("/hello"));
  CHECK(used.response().status == 200);
  server.server.stop_accepting();
  CHECK(server.server.drain(within()).ok());
  CHECK(fresh.rest().empty());
  CHECK(used.rest().empty());
  CHECK(server.counted("millrace_http_connections_open") == 0);
  CHECK_THROWS(server.connect());
}

TEST_CASE("a drain with a grace answers one more request on each idle connection") {
  Mailbox<Reply> late;
  ServerOptions options;
  options.drain_grace = kPatience;
  TestServer server(late_router(late), options, 2);
  auto fresh = server.connect();
  auto used = server.connect();
  used.send(get("/hello"));
  CHECK(!used.response().closes());
  eventually("both are accepted",
             [&] { return server.counted("millrace_http_connections_open") == 2; });
  server.server.stop_accepting();
  server.reactors.run_on_each([](std::size_t, Reactor&) {});
  CHECK_THROWS(server.connect());
  for (RawConnection* connection : {&fresh, &used}) {
    connection->send(get("/hello"));
    const auto response = connection->response();
    CHECK(response.status == 200);
    CHECK(response.closes());
    CHECK(connection->rest().empty());
  }
  CHECK(server.server.drain(within()).ok());
}

TEST_CASE("a drain closes what is idle when the grace is over") {
  Mailbox<Reply> late;
  ServerOptions options;
  options.drain_grace = milliseconds(300);
  TestServer server(late_router(late), options);
  auto fresh = server.connect();
  auto used = server.connect();
  used.send(get("/hello"));
  CHECK(used.response().status == 200);
  const Time began = std::chrono::steady_clock::now();
  server.server.stop_accepting();
  CHECK(server.server.drain(within()).ok());
  CHECK(std::chrono::steady_clock::now() - began >= milliseconds(300));
  CHECK(fresh.rest().empty());
  CHECK(used.rest().empty());
}

TEST_CASE("a drain with a grace waits no longer than for the last connection") {
  Mailbox<Reply> late;
  ServerOptions options;
  options.drain_grace = std::chrono::hours(1);
  TestServer server(late_router(late), options);
  auto connection = server.connect();
  connection.send(get("/late"));
  Reply reply = late.take("the request");
  server.server.stop_accepting();
  send_on(server.reactors[0], std::move(reply));
  CHECK(connection.response().closes());
  CHECK(server.server.drain(within()).ok());
}

TEST_CASE("regression: a request that came as its connection's time was over was dropped") {
  Mailbox<Reply> late;
  ServerOptions options;
  options.idle_timeout = milliseconds(200);
  TestServer server(late_router(late), options);
  auto connection = server.connect();
  connection.send(get("/hello"));
  CHECK(connection.response().status == 200);
  // The loop stands still until the time is over. Then it looks at its clock and its sockets, and
  // only then does the request come.
  server.reactors[0].post([&] {
    const Time over = std::chrono::steady_clock::now() + milliseconds(400);
    eventually("the time is over", [&] { return std::chrono::steady_clock::now() > over; });
    server.reactors[0].post([&] { connection.send(get("/hello")); });
  });
  CHECK(connection.response().status == 200);
}

TEST_CASE("a drain waits for what is under way") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  auto connection = server.connect();
  connection.send(get("/late") + get("/late"));
  Reply first = late.take("the request");
  Reply second = late.take("the other request");
  server.server.stop_accepting();
  const Status early = server.server.drain(std::chrono::steady_clock::now() + milliseconds(50));
  CHECK(early == Status(Code::deadline, "1 connections did not finish"));

  send_on(server.reactors[0], std::move(first));
  CHECK(!connection.response().closes());
  send_on(server.reactors[0], std::move(second));
  CHECK(connection.response().closes());
  CHECK(connection.rest().empty());
  CHECK(server.server.drain(within()).ok());
}

TEST_CASE("a drain lets a request that is arriving come to its end") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  auto connection = server.connect();
  connection.send(get("/hello").substr(0, 10));
  auto idle = server.connect();
  server.server.stop_accepting();
  CHECK(idle.rest().empty());  // the drain has begun
  connection.send(get("/hello").substr(10));
  const auto response = connection.response();
  CHECK(response.status == 200);
  CHECK(response.closes());
  CHECK(server.server.drain(within()).ok());
}

TEST_CASE("a drain doesn't wait long for a request that doesn't arrive") {
  Mailbox<Reply> late;
  ServerOptions options;
  options.read_timeout = milliseconds(200);
  TestServer server(late_router(late), options);
  auto connection = server.connect();
  connection.send(get("/hello").substr(0, 10));
  server.server.stop_accepting();
  CHECK(connection.response().status == 408);
  connection.finish_sending();
  CHECK(server.server.drain(within()).ok());
}

TEST_CASE("regression: a request that was there when the drain began was answered with a reset") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  auto connection = server.connect();
  connection.send(get("/hello"));
  CHECK(connection.response().status == 200);
  server.reactors[0].post([&] {
    connection.send(get("/hello"));
    server.server.stop_accepting();  // runs before the server looks at its sockets
  });
  const auto response = connection.response();
  CHECK(response.status == 200);
  CHECK(response.closes());
  CHECK(server.server.drain(within()).ok());
}

TEST_CASE("regression: an answer was lost when the drain began before it was written") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  auto connection = server.connect();
  connection.send(get("/late"));
  auto reply = std::make_shared<Reply>(late.take("the request"));
  server.reactors[0].post([&, reply] {
    server.server.stop_accepting();  // runs once this task has ended, before the answer is written
    std::move(*reply).send(Response::text("late"));
  });
  CHECK(connection.response().body == "late");
  CHECK(connection.rest().empty());
  CHECK(server.server.drain(within()).ok());
}

TEST_CASE("who has connected is accepted before a listener closes, and nobody comes meanwhile") {
  struct Listening : RefusingPort {
    Listening() { REQUIRE(::listen(socket_, 16) == 0); }
    [[nodiscard]] bool has_client() const {
      pollfd waiting{socket_, POLLIN, 0};
      return ::poll(&waiting, 1, 0) > 0;
    }
    [[nodiscard]] RawConnection accept() const {
      return RawConnection(::accept(socket_, nullptr, nullptr));
    }
    void hold_off() const { hold_off_newcomers(socket_); }
  } listening;
  auto before = RawConnection::connect(listening.port());
  listening.hold_off();
  auto accepted = listening.accept();
  before.send("a");
  before.finish_sending();
  CHECK(accepted.rest() == "a");
  UnconnectedSocket after;
  after.begin_to_connect(listening.port());
  CHECK(!after.is_connected_within(milliseconds(100)));
  CHECK(!listening.has_client());
}

TEST_CASE("regression: a drain went on accepting for ever when that failed each time") {
  Mailbox<Reply> late;
  TestServer server(late_router(late));
  const int socket = listening_socket(server.server.port());
  server.reactors[0].post([&server, socket] {
    ::shutdown(socket, SHUT_RDWR);
    server.server.stop_accepting();
  });
  server.reactors.run_on_each([](std::size_t, Reactor&) {});
  CHECK(server.server.drain(within()).ok());
}

TEST_CASE("an abort closes everything") {
  Mailbox<Reply> late;
  TestServer server(late_router(late), {}, 2);
  auto idle = server.connect();
  auto busy = server.connect();
  busy.send(get("/late"));
  const Reply reply = late.take("the request");
  server.server.abort();
  CHECK_THROWS(server.connect());
  CHECK(server.server.drain(within()).ok());
  CHECK(idle.rest().empty());
  CHECK(busy.rest().empty());
}

TEST_CASE("a server may go while clients are connected and connecting") {
  for (int round = 0; round < 20; ++round) {
    Mailbox<Reply> late;
    std::vector<RawConnection> clients;
    TestServer server(late_router(late), {}, 2);
    for (int i = 0; i < 5; ++i) {
      clients.push_back(server.connect());
      clients.back().send(get("/hello"));
    }
  }
}

TEST_CASE("a server that wasn't started needs no end") {
  observe::Registry registry;
  ReactorPool reactors(1);
  Server server(reactors, Router(), {}, registry);
  server.stop_accepting();
  CHECK(server.drain(within()).ok());
  server.abort();
}

TEST_CASE("regression: the gauge of open connections needed the server that made it") {
  observe::Registry registry;
  {
    ReactorPool reactors(1);
    const Server server(reactors, Router(), {}, registry);
  }
  CHECK(metric(registry, "millrace_http_connections_open") == 0);
}

}  // namespace
}  // namespace millrace::http
