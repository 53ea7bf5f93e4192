// What the hop does when the other end is down, hangs, or answers nonsense: every item is answered
// once, and with the truth.
#include <catch2/catch.hpp>

#include "http/problem.h"
#include "http/test_hop.h"

namespace millrace::http {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr milliseconds kSoon{200};

std::string with_length(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// Answers every request with the same bytes.
ScriptedPeer::Script always(std::string bytes) {
  return [bytes = std::move(bytes)](RawConnection& connection) {
    while (!connection.request().empty()) connection.send(bytes);
  };
}

TEST_CASE("an upstream that is down is unavailable") {
  const RefusingPort down;
  TestHop hop({upstream_at(down.port())});
  hop.submit({"ok:a", "ok:b"});
  const auto answers = hop.answers();
  REQUIRE(answers.size() == 2);
  for (const auto& answer : answers) {
    CHECK(answer.code == Code::unavailable);
    CHECK(answer.text.ends_with("Connection refused"));
  }
  CHECK(hop.counted("unavailable_total") == 1);
  CHECK(hop.counted("unknown_total") == 0);
}

TEST_CASE("all upstreams down is unavailable") {
  const RefusingPort first;
  const RefusingPort second;
  const RefusingPort third;
  TestHop hop({upstream_at(first.port()), upstream_at(second.port()), upstream_at(third.port())});
  for (int i = 0; i < 10; ++i) {
    hop.submit({"ok:a"});
    CHECK(hop.one().code == Code::unavailable);
  }
}

TEST_CASE("with one upstream down nothing is lost") {
  HopUpstream up;
  const RefusingPort down;
  TestHop hop({upstream_at(down.port()), up.upstream()});
  for (int i = 0; i < 100; ++i) hop.submit({"ok:" + std::to_string(i), "ok:more"});
  for (int i = 0; i < 100; ++i) {
    const auto answers = hop.answers();
    REQUIRE(answers.size() == 2);
    REQUIRE(answers[0].code == Code::ok);
    REQUIRE(answers[1].code == Code::ok);
  }
  CHECK(hop.counted("unavailable_total") >= 1);
}

TEST_CASE("an upstream that comes back is used again") {
  ServerOptions options;
  {
    TestServer taken{Router()};
    options.port = taken.server.port();
  }
  TestHop hop({upstream_at(options.port)});
  hop.submit({"ok:a"});
  CHECK(hop.one().code == Code::unavailable);
  Router router;
  router.add({"hop", Method::post, kHopPath, [](const Request&, Reply reply) {
                std::move(reply).send(Response::json(encode_hop_reply({{Code::ok, "back"}})));
              }});
  const TestServer back(std::move(router), options);
  hop.submit({"ok:a"});
  CHECK(hop.one().text == "back");
}

TEST_CASE("503 means that nothing was taken") {
  ScriptedPeer peer(always(with_length("503 Service Unavailable", "")));
  TestHop hop({upstream_at(peer.port())});
  hop.submit({"ok:a"});
  const auto answer = hop.one();
  CHECK(answer.code == Code::unavailable);
  CHECK(answer.text == upstream_at(peer.port()).authority + ": takes nothing now");
}

TEST_CASE("regression: a batch that was answered 503 could be given to the same upstream again") {
  ScriptedPeer full(always(with_length("503 Service Unavailable", "")));
  HopUpstream up(true);
  TestHop hop({upstream_at(full.port()), up.upstream()});
  hop.submit({"ok:a"});  // to the one that is full, then to the other
  CHECK(up.batch().size() == 1);
  hop.submit({"ok:b"});  // gathers behind it
  hop.submit({"ok:c"});
  up.uncork();
  std::vector<std::string> texts;
  for (int i = 0; i < 3; ++i) {
    const auto answer = hop.one();
    CHECK(answer.code == Code::ok);
    texts.push_back(answer.text);
  }
  std::sort(texts.begin(), texts.end());
  CHECK(texts == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("answers that aren't of this protocol have an unknown outcome") {
  const std::string two = encode_hop_reply({{Code::ok, ""}, {Code::ok, ""}});
  const std::vector<std::string> answers = {
      with_length("200 OK", two),
      with_length("200 OK", encode_hop_reply({})),
      with_length("200 OK", "nonsense"),
      with_length("200 OK", std::string("\x0a\x02\x08\x09", 4)),  // a code that isn't ours
      with_length("404 Not Found", "no"),
      with_length("500 Internal Server Error", encode_hop_reply({{Code::ok, "a"}})),
      "garbage\r\n\r\n",
  };
  for (const auto& bytes : answers) {
    INFO(bytes);
    ScriptedPeer peer(always(bytes));
    TestHop hop({upstream_at(peer.port())});
    hop.submit({"ok:a"});
    const auto answer = hop.one();
    CHECK(answer.code == Code::deadline);
    CHECK(answer.text.find("outcome unknown") != std::string::npos);
  }
}

TEST_CASE("an upstream that closes mid-answer leaves the outcome unknown, and the next is served") {
  int connections = 0;
  const std::string whole = with_length("200 OK", encode_hop_reply({{Code::ok, "later"}}));
  ScriptedPeer peer([&](RawConnection& connection) {
    const bool first = ++connections == 1;
    while (!connection.request().empty()) {
      connection.send(first ? whole.substr(0, whole.size() - 1) : whole);
      if (first) return;
    }
  });
  TestHop hop({upstream_at(peer.port())});
  hop.submit({"ok:a"});
  CHECK(hop.one().code == Code::deadline);
  hop.submit({"ok:b"});
  CHECK(hop.one().text == "later");
  CHECK(hop.counted("unknown_total") == 1);
  CHECK(hop.counted("connections_opened_total") == 2);
}

TEST_CASE("an upstream that hangs is given up in time, and what waited behind is answered") {
  ScriptedPeer peer([](RawConnection& connection) {
    connection.request();
    connection.request();
  });
  TestHop hop({upstream_at(peer.port())});
  const Time began = std::chrono::steady_clock::now();
  hop.submit({"ok:a"}, kSoon);
  hop.submit({"ok:b"}, kSoon);  // gathered; sent when the first is given up, if there is time
  CHECK(hop.one().code == Code::deadline);
  const auto second = hop.one();
  CHECK((second.code == Code::unavailable || second.code == Code::deadline));
  CHECK(std::chrono::steady_clock::now() - began < kSoon + std::chrono::seconds(2));
}

TEST_CASE("one instance that hangs doesn't take the others with it") {
  HopUpstream hanging(true);
  HopUpstream good;
  TestHop hop({hanging.upstream(), good.upstream()});
  hop.submit({"ok:lost"}, kSoon);
  hanging.batch();
  // Others pass it by while it is busy, and while it is known to be down.
  for (int i = 0; i < 5; ++i) {
    hop.submit({"ok:a"});
    CHECK(hop.one().text == "a");
  }
  CHECK(hop.one().code == Code::deadline);
  for (int i = 0; i < 5; ++i) {
    hop.submit({"ok:b"});
    CHECK(hop.one().text == "b");
  }
}

TEST_CASE("what waits behind an instance that hangs goes to another one") {
  HopUpstream hanging(true);
  HopUpstream slow(true);
  TestHop hop({hanging.upstream(), slow.upstream()});
  hop.submit({"ok:lost"}, kSoon);
  hop.submit({"ok:slow"});
  hanging.batch();
  slow.batch();
  hop.submit({"ok:waits behind the one"});
  hop.submit({"ok:waits behind the other"});
  slow.uncork();
  CHECK(hop.one().text == "slow");
  CHECK(hop.one().text.starts_with("waits behind"));
  CHECK(hop.one().code == Code::deadline);
  CHECK(hop.one().text.starts_with("waits behind"));
}

TEST_CASE("what can't be sent in time is unavailable") {
  HopUpstream upstream(true);
  TestHop hop({upstream.upstream()});
  hop.submit({"ok:first"});
  upstream.batch();
  hop.submit({"ok:late"}, milliseconds(1));
  const Time late = std::chrono::steady_clock::now() + milliseconds(2);
  eventually("its time is over", [&] { return std::chrono::steady_clock::now() > late; });
  upstream.uncork();
  CHECK(hop.one().text == "first");
  const auto answer = hop.one();
  CHECK(answer.code == Code::unavailable);
  CHECK(answer.text.ends_with("not sent in time"));
  CHECK(!upstream.has_batch());
}

TEST_CASE("a connection that was closed while idle is replaced") {
  ScriptedPeer peer([](RawConnection& connection) {
    connection.request();
    connection.send(with_length("200 OK", encode_hop_reply({{Code::ok, "a"}})));
  });
  TestHop hop({upstream_at(peer.port())});
  for (int i = 1; i <= 3; ++i) {
    hop.submit({"ok:a"});
    // The close may be seen only when the request has left: then its outcome is unknown.
    const Code code = hop.one().code;
    CHECK((code == Code::ok || code == Code::deadline));
    eventually("the connection is gone", [&] { return peer.connections() >= 1; });
  }
}

TEST_CASE("an abort answers everything: what was sent is unknown, the rest wasn't taken") {
  HopUpstream upstream(true);
  TestHop hop({upstream.upstream()});
  hop.submit({"ok:sent"});
  upstream.batch();
  hop.submit({"ok:gathered"});
  hop.submit(std::vector<std::string>(kHopItemsMax, "ok:ready"));
  hop.pool.abort();
  std::vector<std::pair<std::size_t, Code>> answered;
  for (int i = 0; i < 3; ++i) {
    const auto answers = hop.answers();
    answered.emplace_back(answers.size(), answers[0].code);
  }
  std::sort(answered.begin(), answered.end());
  CHECK(answered[0].first == 1);
  CHECK(answered[1].first == 1);
  CHECK(answered[0].second == Code::closed);
  CHECK(answered[1].second == Code::deadline);
  CHECK(answered[2] == std::pair(kHopItemsMax, Code::closed));
  hop.submit({"ok:afterwards"});
  CHECK(hop.one().code == Code::closed);
  hop.pool.abort();
}

TEST_CASE("regression: an abort called what wasn't sent yet unavailable, and went on counting it") {
  const SilentPort silent;
  observe::Registry registry;
  HopMetrics metrics(registry, "test");
  for (const bool connecting : {true, false}) {
    ReactorPool reactors(1);
    std::optional<HopClient> client;
    std::vector<Code> codes;
    std::size_t left = 1;
    const auto on_reactor = [&](const auto& task) {
      reactors.run_on_each([&](std::size_t, Reactor& reactor) { task(reactor); });
    };
    const auto abort = [&](Reactor&) {
      client->abort();
      left = client->pending();
    };
    on_reactor([&](Reactor& reactor) {
      client.emplace(reactor, std::vector{upstream_at(silent.port()), upstream_at(silent.port())},
                     kHopPath, metrics);
      for (int i = 0; i < 4; ++i) {
        client->submit({{"a", "", ""}}, within(),
                       [&](const auto& answers) { codes.push_back(answers[0].code); });
      }
      if (!connecting) abort(reactor);  // before the end of the round: nothing was begun
    });
    on_reactor([](Reactor&) {});
    if (connecting) on_reactor(abort);
    on_reactor([&](Reactor&) { client.reset(); });
    on_reactor([](Reactor&) {});
    CHECK(codes == std::vector<Code>(4, Code::closed));
    CHECK(left == 0);
    CHECK((metric(registry, "millrace_hop_connections_opened_total") > 0) == true);
  }
}

TEST_CASE("a hop that goes answers what it has") {
  HopUpstream upstream(true);
  Mailbox<Code> codes;
  {
    observe::Registry registry;
    HopMetrics metrics(registry, "test");
    ReactorPool reactors(2);
    HopPool pool(reactors, {upstream.upstream()}, kHopPath, metrics);
    for (int i = 0; i < 4; ++i) {
      pool.submit({{"ok:", "", ""}}, within(),
                  [&](const auto& answers) { codes.put(answers[0].code); });
    }
  }
  for (int i = 0; i < 4; ++i) CHECK(codes.take("an answer") != Code::ok);
}

}  // namespace
}  // namespace millrace::http
