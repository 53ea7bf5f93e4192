// Clients that are too slow, too many, or come when the descriptors have run out.
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http/test_conversation.h"
#include "http/test_io.h"

namespace millrace::http {
namespace {

using namespace testing;
using std::chrono::milliseconds;

Router router() {
  Router routes;
  routes.add({"hello", Method::get, "/hello",
              [](const Request&, Reply reply) { std::move(reply).send(Response::text("hello")); }});
  routes.add({"large", Method::get, "/large", [](const Request&, Reply reply) {
                std::move(reply).send(Response::text(std::string(1'000'000, 'x')));
              }});
  return routes;
}

ServerOptions options(milliseconds read, milliseconds idle) {
  ServerOptions chosen;
  chosen.read_timeout = read;
  chosen.idle_timeout = idle;
  return chosen;
}

Route stream_route(Streamed& streamed) {
  return {"stream",
          Method::post,
          "/stream",
          nullptr,
          100,
          [&streamed](const Request&, Reply reply, Resume resume) {
            streamed.reply.emplace(std::move(reply));
            streamed.resume = std::move(resume);
            return std::make_shared<StreamedSink>(streamed);
          }};
}

// On the server's own thread.
bool asked(TestServer& server, const std::function<bool()>& question) {
  Mailbox<bool> answer;
  server.reactors[0].post([&] { answer.put(question()); });
  return answer.take("an answer");
}

constexpr milliseconds kShort{150};
constexpr milliseconds kLong{60'000};

TEST_CASE("an idle connection is closed") {
  TestServer server(router(), options(kLong, kShort));
  auto fresh = server.connect();
  auto used = server.connect();
  used.send(get("/hello"));
  CHECK(used.response().status == 200);
  CHECK(used.rest().empty());
  CHECK(fresh.rest().empty());
  CHECK(server.counted("millrace_http_connections_timed_out_total") == 0);  // it owed us nothing
}

TEST_CASE("a request that comes a byte at a time must still come in time") {
  TestServer server(router(), options(kShort, kLong));
  auto connection = server.connect();
  const Time began = std::chrono::steady_clock::now();
  const std::string bytes = get("/hello", "X: " + std::string(10'000, 'x') + "\r\n");
  std::size_t sent = 0;
  do {
    REQUIRE(sent < bytes.size());
    connection.send(bytes.substr(sent++, 1));
  } while (!connection.readable(milliseconds(10)));
  const auto response = connection.response();
  CHECK(response.status == 408);
  CHECK(response.closes());
  CHECK(std::chrono::steady_clock::now() - began >= kShort);
  CHECK(server.counted("millrace_http_connections_timed_out_total") == 1);
}

TEST_CASE("the time of a request begins with its first byte") {
  TestServer server(router(), options(milliseconds(400), kLong));
  auto connection = server.connect();
  for (int i = 0; i < 5; ++i) {  // together longer than one may take
    connection.send(get("/hello").substr(0, 10));
    CHECK(!connection.readable(milliseconds(100)));
    connection.send(get("/hello").substr(10));
    CHECK(connection.response().status == 200);
  }
}

TEST_CASE("a client that doesn't read is cut off") {
  TestServer server(router(), options(kShort, kLong));
  auto connection = RawConnection::connect(server.server.port(), 4096);
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += get("/large");
  connection.send(bytes);
  // Regression: it wasn't counted.
  eventually("it is found too slow",
             [&] { return server.counted("millrace_http_connections_timed_out_total") == 1; });
  eventually("it is cut off",
             [&] { return server.counted("millrace_http_connections_open") == 0; });
  CHECK(server.counted("millrace_http_requests_total") < 20);  // nor was it read ahead
}

TEST_CASE("a slow reader that reads gets everything") {
  TestServer server(router(), options(kLong, kLong));
  auto connection = RawConnection::connect(server.server.port(), 4096);
  std::string bytes;
  for (int i = 0; i < 5; ++i) bytes += get("/large");
  connection.send(bytes);
  for (int i = 0; i < 5; ++i) CHECK(connection.response().body.size() == 1'000'000);
}

// What a client has begun to send while the server wasn't reading: a body whose sink is full from
// its first bytes on, or a request behind one that is answered late.
TEST_CASE("a request has its whole time to arrive, however long the server didn't read") {
  Streamed streamed;
  streamed.wants_more = false;
  Mailbox<Reply> late;
  Router routes;
  routes.add(stream_route(streamed));
  routes.add({"late", Method::get, "/late",
              [&](const Request&, Reply reply) { late.put(std::move(reply)); }});
  TestServer server(std::move(routes), options(kLong, kLong));
  auto connection = server.connect();
  const std::string body = post("/stream", "0123456789");
  connection.send(body.substr(0, body.size() - 5));
  eventually("the sink is full",
             [&] { return asked(server, [&] { return !streamed.parts.empty(); }); });
  asked(server, [&] {
    streamed.wants_more = true;
    streamed.resume();
    return true;
  });
  CHECK(!connection.readable(milliseconds(300)));
  connection.send(body.substr(body.size() - 5));
  CHECK(connection.response().status == 200);

  auto other = server.connect();
  other.send(get("/late") + get("/late").substr(0, 10));
  Reply reply = late.take("the first request");
  server.reactors[0].post([&] { std::move(reply).send(Response::text("first")); });
  CHECK(other.response().body == "first");
  CHECK(!other.readable(milliseconds(300)));
  other.send(get("/late").substr(10));
  Reply second = late.take("the second request");
  server.reactors[0].post([&] { std::move(second).send(Response::text("second")); });
  CHECK(other.response().body == "second");
}

TEST_CASE("a request that begins with the last bytes of a body has its own time") {
  Streamed streamed;
  Router routes = router();
  routes.add(stream_route(streamed));
  TestServer server(std::move(routes), options(milliseconds(3000), kLong));
  auto connection = server.connect();
  const std::string body = post("/stream", "0123456789");
  connection.send(body.substr(0, body.size() - 5));
  CHECK(!connection.readable(milliseconds(2000)));
  connection.send(body.substr(body.size() - 5) + get("/hello").substr(0, 10));
  CHECK(connection.response().status == 200);
  CHECK(!connection.readable(milliseconds(2000)));  // longer than the body had left
  connection.send(get("/hello").substr(10));
  CHECK(connection.response().status == 200);
}

const std::string kEndless = "POST /hello HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\n";

TEST_CASE("who is refused while still sending slowly gets the answer") {
  TestServer server(router(), options(kLong, kLong));
  auto connection = server.connect();
  auto silent = server.connect();
  connection.send(kEndless);
  for (int i = 0; i < 25; ++i) {  // together longer than the server waits for silence
    CHECK(!silent.readable(milliseconds(100)));
    REQUIRE(connection.send(std::string(10'000, 'x')));
  }
  const auto response = connection.response();
  CHECK(response.status == 413);
  CHECK(response.closes());
}

// How long the server takes bytes of a request it has refused.
Duration time_to_be_cut_off(TestServer& server, const std::string& request) {
  auto connection = server.connect();
  auto silent = server.connect();
  connection.send(request);
  const auto response = connection.response();
  CHECK(response.closes());
  const Time refused = std::chrono::steady_clock::now();
  while (connection.send("x")) {
    REQUIRE(std::chrono::steady_clock::now() - refused < kPatience);
    CHECK(!silent.readable(milliseconds(20)));
  }
  return std::chrono::steady_clock::now() - refused;
}

TEST_CASE("who is refused and never stops sending is cut off when a request's time is over") {
  TestServer server(router(), options(milliseconds(4000), kLong));
  const Duration took = time_to_be_cut_off(server, kEndless);
  CHECK(took > milliseconds(3000));
  CHECK(took < milliseconds(8000));
}

TEST_CASE("whose time was over isn't listened to for as long again") {
  TestServer server(router(), options(milliseconds(4000), kLong));
  CHECK(time_to_be_cut_off(server, "POST /hel") < milliseconds(3500));
}

TEST_CASE("connections over the limit are told so") {
  ServerOptions chosen = options(kLong, kLong);
  chosen.connections_max = 2;
  TestServer server(router(), chosen);
  const auto works = [](RawConnection& connection) {
    connection.send(get("/hello"));
    return connection.response().status == 200;
  };
  auto first = server.connect();
  auto second = std::make_optional(server.connect());
  CHECK(works(first));
  CHECK(works(*second));

  auto third = server.connect();
  const auto refused = third.response();
  CHECK(refused.status == 503);
  CHECK(refused.closes());
  CHECK(refused.header("Retry-After") == "1");
  CHECK(refused.header("Content-Type") == "application/problem+json");
  CHECK(refused.header("X-Request-Id").size() == 36);  // regression: it had none
  CHECK(third.rest().empty());
  CHECK(server.counted("millrace_http_connections_accepted_total") == 2);
  CHECK(server.counted("millrace_http_connections_refused_total") == 1);

  second.reset();
  eventually("there is room",
             [&] { return server.counted("millrace_http_connections_open") == 1; });
  auto fourth = server.connect();
  CHECK(works(fourth));
  CHECK(works(first));
}

// Takes every descriptor the process may have, until it is destroyed.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    taken_.push_back(next);
    const rlimit lowered{static_cast<rlim_t>(next) + 20, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
    for (int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0;
         fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
      taken_.push_back(fd);
    }
  }
  ~NoDescriptors() {
    for (const int fd : taken_) ::close(fd);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST_CASE("without descriptors clients are told so, and served again once there are some") {
  TestServer server(router());
  auto kept = server.connect();
  kept.send(get("/hello"));
  CHECK(kept.response().status == 200);
  for (int round = 0; round < 2; ++round) {
    eventually("the server holds one descriptor for a client",
               [&] { return server.counted("millrace_http_connections_open") == 1; });
    std::vector<UnconnectedSocket> sockets(3);
    std::vector<RawConnection> refused;  // kept: one that is closed gives its descriptor back
    {
      const NoDescriptors none;
      for (auto& socket : sockets) {
        refused.push_back(std::move(socket).connect(server.server.port()));
        CHECK(refused.back().response().status == 503);
        CHECK(refused.back().rest().empty());
      }
      kept.send(get("/hello"));  // those that are open are served
      CHECK(kept.response().status == 200);
    }
    const Time back = std::chrono::steady_clock::now();
    auto served = server.connect();
    served.send(get("/hello"));
    CHECK(served.response().status == 200);
    CHECK(std::chrono::steady_clock::now() - back < std::chrono::seconds(1));
  }
  CHECK(server.counted("millrace_http_connections_refused_total") == 6);
  CHECK(server.counted("millrace_http_connections_accepted_total") == 3);
}

}  // namespace
}  // namespace millrace::http
