// The client against peers that behave, and peers that don't.
#include "http/client_connection.h"

#include <catch2/catch.hpp>

#include "http/test_io.h"

namespace millrace::http {
namespace {

using namespace testing;
using std::chrono::milliseconds;

using Outcome = Result<ClientResponse>;

constexpr milliseconds kSoon{200};
constexpr milliseconds kLate{20'000};

std::string ok(const std::string& body, const std::string& lines = {}) {
  return "HTTP/1.1 200 OK\r\n" + lines + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// A connection on a reactor of its own, opened for the first exchange; used from the test's thread.
class Client {
 public:
  explicit Client(Upstream upstream) : upstream_(std::move(upstream)) {}
  explicit Client(std::uint16_t port) : Client(upstream_at(port)) {}
  ~Client() {
    on_reactor([&] { connection_->close(); });
  }

  Outcome exchange(ClientRequest request, milliseconds timeout = kLate) {
    start(std::move(request), timeout);
    return outcome();
  }
  Outcome get(milliseconds timeout = kLate) {
    return exchange({Method::get, "/a", {}, {}}, timeout);
  }
  void start(ClientRequest request, milliseconds timeout = kLate) {
    on_reactor([&] {
      if (!connection_) connection_ = ClientConnection::open(reactors_[0], upstream_);
      inside_ = true;
      connection_->exchange(std::move(request), std::chrono::steady_clock::now() + timeout,
                            [this](Outcome outcome) {
                              if (inside_) std::abort();  // it may not come within the call
                              outcomes_.put(std::move(outcome));
                            });
      inside_ = false;
    });
  }
  Outcome outcome() { return outcomes_.take("the outcome"); }
  bool usable() {
    bool answer = false;
    on_reactor([&] { answer = connection_->usable(); });
    return answer;
  }
  void close() {
    on_reactor([&] { connection_->close(); });
  }

 private:
  void on_reactor(const std::function<void()>& task) {
    reactors_.run_on_each([&](std::size_t, Reactor&) { task(); });
  }

  const Upstream upstream_;
  Mailbox<Outcome> outcomes_;
  bool inside_ = false;  // exchange(); on the reactor's thread
  ReactorPool reactors_{1};
  std::shared_ptr<ClientConnection> connection_;
};

Code code_of(const Outcome& outcome) { return outcome ? Code::ok : outcome.error().code(); }

TEST_CASE("a connection is used for one exchange after the other") {
  Mailbox<std::string> requests;
  ScriptedPeer peer([&](RawConnection& connection) {
    for (int i = 0; i < 3; ++i) {
      requests.put(connection.request());
      connection.send(ok("answer " + std::to_string(i)));
    }
    connection.request();
  });
  Client client(peer.port());
  const auto first = client.get();
  REQUIRE(first.has_value());
  CHECK(first->status == 200);
  CHECK(first->body == "answer 0");
  CHECK(client.usable());
  CHECK(client.exchange({Method::post, "/b", "text/plain", "body"})->body == "answer 1");
  CHECK(client.exchange({Method::post, "/b", "text/plain", ""})->body == "answer 2");
  CHECK(peer.connections() == 1);
  const std::string host = "Host: 127.0.0.1:" + std::to_string(peer.port()) + "\r\n";
  CHECK(requests.take("a request") == "GET /a HTTP/1.1\r\n" + host + "\r\n");
  CHECK(requests.take("a request") ==
        "POST /b HTTP/1.1\r\n" + host +
            "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody");
  CHECK(requests.take("a request") ==
        "POST /b HTTP/1.1\r\n" + host + "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("an answer may come in pieces, chunked, and be large") {
  const std::string large(3'000'000, 'x');
  ScriptedPeer peer([&](RawConnection& connection) {
    connection.request();
    for (const char c : ok("pieces")) connection.send({&c, 1});
    connection.request();
    connection.send(
        "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    connection.request();
    connection.send(ok(large));
    connection.request();
  });
  Client client(peer.port());
  CHECK(client.get()->body == "pieces");
  const auto chunked = client.get();
  CHECK(chunked->status == 202);
  CHECK(chunked->body == "ab");
  CHECK(client.get()->body == large);
}

TEST_CASE("an upstream that can't be reached is unavailable") {
  const RefusingPort refusing;
  Client refused(refusing.port());
  const auto outcome = refused.get();
  CHECK(code_of(outcome) == Code::unavailable);
  CHECK(outcome.error().text() ==
        "127.0.0.1:" + std::to_string(refusing.port()) + ": Connection refused");
  CHECK(!refused.usable());

  Client unresolved(Upstream{"127.0.0.1", "no-such-service", "nowhere"});
  CHECK(code_of(unresolved.get()) == Code::unavailable);
}

TEST_CASE("of an upstream's addresses the first that takes us is used, with the name as its host") {
  Mailbox<std::string> requests;
  ScriptedPeer peer([&](RawConnection& connection) {
    requests.put(connection.request());
    connection.send(ok("a"));
    connection.request();
  });
  Upstream upstream = Upstream::parse("http://peer.test:" + std::to_string(peer.port())).value();
  upstream.addresses = {"::1", "127.0.0.2", "127.0.0.1"};  // nobody listens on the first two
  Client client(upstream);
  CHECK(client.get()->body == "a");
  CHECK(requests.take("the request").find("\r\nHost: " + upstream.authority + "\r\n") !=
        std::string::npos);
}

TEST_CASE("an upstream that doesn't let us connect in time is unavailable") {
  const SilentPort silent;
  Client client(silent.port());
  const Time began = std::chrono::steady_clock::now();
  const auto outcome = client.get(kSoon);
  CHECK(code_of(outcome) == Code::unavailable);
  CHECK(std::chrono::steady_clock::now() - began < kSoon + std::chrono::seconds(2));
}

TEST_CASE("what was sent and not wholly answered has an unknown outcome") {
  const std::vector<std::pair<const char*, std::string>> answers = {
      {"closed without an answer", ""},
      {"closed in the header", "HTTP/1.1 200 OK\r\nContent-Le"},
      {"closed in the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"},
      {"closed in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"},
      {"without a length", "HTTP/1.1 200 OK\r\n\r\nbody"},
      {"garbage", "garbage\r\n\r\n"},
      {"binary", std::string("\x16\x03\x01\0\0", 5)},
      {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n"},
      {"a header without end", "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')},
      {"too large", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"},
  };
  for (const auto& [name, bytes] : answers) {
    INFO(name);
    ScriptedPeer peer([&, answer = bytes](RawConnection& connection) {
      connection.request();
      connection.send(answer);
    });
    Client client(peer.port());
    const auto outcome = client.get();
    CHECK(code_of(outcome) == Code::deadline);
    CHECK(outcome.error().text().starts_with("127.0.0.1:" + std::to_string(peer.port()) + ": "));
    CHECK(!client.usable());
  }
}

TEST_CASE("an upstream that hangs is given up in time") {
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"}) {
    ScriptedPeer peer([&](RawConnection& connection) {
      connection.request();
      connection.send(bytes);
      connection.request();  // until we go
    });
    Client client(peer.port());
    const Time began = std::chrono::steady_clock::now();
    const auto outcome = client.get(kSoon);
    CHECK(code_of(outcome) == Code::deadline);
    CHECK(std::chrono::steady_clock::now() - began >= kSoon);
    CHECK(std::chrono::steady_clock::now() - began < kSoon + std::chrono::seconds(2));
    CHECK(!client.usable());
  }
}

TEST_CASE("a connection that is closed while idle is noticed") {
  Mailbox<bool> go;
  ScriptedPeer peer([&](RawConnection& connection) {
    connection.request();
    connection.send(ok(""));
    go.take("the word");
  });
  Client client(peer.port());
  CHECK(client.get().has_value());
  CHECK(client.usable());
  go.put(true);
  eventually("the close is seen", [&] { return !client.usable(); });
}

TEST_CASE("a connection isn't used again after bytes that nobody asked for") {
  Mailbox<bool> go;
  ScriptedPeer peer([&](RawConnection& connection) {
    connection.request();
    connection.send(ok(""));
    go.take("the word");
    connection.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    connection.request();
  });
  Client client(peer.port());
  CHECK(client.get().has_value());
  go.put(true);
  eventually("they are seen", [&] { return !client.usable(); });
}

TEST_CASE("a connection isn't used again when the answer says so") {
  const std::vector<std::string> answers = {
      ok("a", "Connection: close\r\n"), "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
      ok("a") + ok("b"),  // more than was asked for
  };
  for (const auto& bytes : answers) {
    INFO(bytes);
    ScriptedPeer peer([&](RawConnection& connection) {
      connection.request();
      connection.send(bytes);
      connection.request();
    });
    Client client(peer.port());
    CHECK(client.get()->body == "a");
    CHECK(!client.usable());
  }
}

// The rest of the request would have been sent from the memory of the next one, and in front of it.
TEST_CASE("regression: a connection was used again while its request was still being written") {
  Mailbox<bool> done;
  ScriptedPeer peer([&](RawConnection& connection) {
    connection.send(ok("early"));
    done.take("the end");
  });
  Client client(peer.port());
  const auto outcome =
      client.exchange({Method::post, "/", "text/plain", std::string(50'000'000, 'x')});
  CHECK(outcome.has_value());
  CHECK(!client.usable());
  done.put(true);
}

TEST_CASE("closing tells the exchange under way") {
  ScriptedPeer peer([&](RawConnection& connection) { connection.request(), connection.request(); });
  Client client(peer.port());
  client.start({Method::get, "/", {}, {}});
  eventually("it is connected", [&] { return peer.connections() == 1; });
  client.close();
  client.close();
  CHECK(!client.outcome().has_value());
  CHECK(!client.usable());

  const SilentPort silent;
  Client unconnected(silent.port());
  unconnected.start({Method::get, "/", {}, {}});
  unconnected.close();
  CHECK(code_of(unconnected.outcome()) == Code::unavailable);
}

Outcome fetched(std::uint16_t port, milliseconds timeout = kLate) {
  Mailbox<Outcome> outcomes;
  ReactorPool reactors(1);
  reactors[0].post([&] {
    fetch(reactors[0], upstream_at(port), {Method::get, "/", {}, {}},
          std::chrono::steady_clock::now() + timeout,
          [&](Outcome outcome) { outcomes.put(std::move(outcome)); });
  });
  return outcomes.take("the outcome");
}

TEST_CASE("fetch is one exchange on a connection of its own") {
  Mailbox<bool> ended;
  ScriptedPeer peer([&](RawConnection& connection) {
    connection.request();
    connection.send(ok("a"));
    ended.put(connection.request().empty());
  });
  CHECK(fetched(peer.port())->body == "a");
  CHECK(ended.take("the end"));
  CHECK(code_of(fetched(RefusingPort().port())) == Code::unavailable);
}

TEST_CASE("regression: a fetch under way when its reactor ended was never freed") {
  const SilentPort silent;
  const auto watched = std::make_shared<int>();
  {
    ReactorPool reactors(1);
    reactors.run_on_each([&](std::size_t, Reactor& reactor) {
      fetch(reactor, upstream_at(silent.port()), {Method::get, "/", {}, {}}, Time::max(),
            [watched](const Outcome&) {});
    });
    CHECK(watched.use_count() == 2);
  }
  CHECK(watched.use_count() == 1);
}

}  // namespace
}  // namespace millrace::http
