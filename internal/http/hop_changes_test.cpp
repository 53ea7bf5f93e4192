// What the hop does while the instances of the other end come, go, and are replaced: nothing is
// lost, and nothing is refused as long as one of them is there.
#include <catch2/catch.hpp>

#include "http/test_hop.h"
#include "http/test_names.h"

namespace millrace::http {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr milliseconds kOften{5};

std::string answer_saying(const std::string& text, const std::string& lines = {}) {
  const std::string body = encode_hop_reply({{Code::ok, text}});
  return "HTTP/1.1 200 OK\r\n" + lines + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// A client on one I/O thread whose upstreams can be changed; used from the test's thread.
class ChangingHop {
 public:
  explicit ChangingHop(const std::vector<Upstream>& upstreams) : metrics_(registry_, "test") {
    on_reactor([&] { client_.emplace(reactors_[0], upstreams, kHopPath, metrics_); });
  }
  ~ChangingHop() {
    on_reactor([&] { client_.reset(); });
  }

  void set(const std::vector<Upstream>& upstreams) {
    on_reactor([&] { client_->set_upstreams(upstreams); });
  }
  void submit(const std::string& body) {
    on_reactor([&] { submit_here(body); });
    on_reactor([] {});  // what the end of that round sends is sent
  }
  // Within one task of the reactor, after `first`.
  void submit_after(const std::function<void()>& first, const std::string& body) {
    on_reactor([&] {
      first();
      submit_here(body);
    });
  }
  HopAnswer answer() { return answers_.take("an answer"); }
  HopAnswer ask(const std::string& body) {
    submit(body);
    return answer();
  }
  [[nodiscard]] double counted(const std::string& name) const {
    return metric(registry_, "millrace_hop_" + name);
  }

 private:
  void on_reactor(const std::function<void()>& task) {
    reactors_.run_on_each([&](std::size_t, Reactor&) { task(); });
  }
  void submit_here(const std::string& body) {
    client_->submit({{body}}, within(), [this](std::vector<HopAnswer> answers) {
      answers_.put(std::move(answers.at(0)));
    });
  }

  Mailbox<HopAnswer> answers_;
  observe::Registry registry_;
  HopMetrics metrics_;
  ReactorPool reactors_{1};
  std::optional<HopClient> client_;  // on the reactor's thread
};

TEST_CASE("an instance that comes is used, and the others go on with their connections") {
  HopUpstream first;
  HopUpstream second;
  ChangingHop hop({first.upstream()});
  CHECK(hop.ask("ok:a").code == Code::ok);
  hop.set({first.upstream(), second.upstream()});
  for (int i = 0; i < 10; ++i) CHECK(hop.ask("ok:b").code == Code::ok);
  CHECK(second.batch().size() == 1);
  CHECK(first.connections() == 1);
  CHECK(second.connections() == 1);
}

TEST_CASE("an instance that goes finishes what it has, and what waits for it goes to others") {
  HopUpstream going(true);
  HopUpstream staying;
  ChangingHop hop({going.upstream()});
  hop.submit("ok:under way");
  CHECK(going.batch()[0].body == "ok:under way");
  hop.submit("ok:waits");
  hop.set({staying.upstream()});
  CHECK(hop.answer().text == "waits");
  CHECK(staying.batch()[0].body == "ok:waits");
  going.uncork();
  CHECK(hop.answer().text == "under way");
  CHECK(hop.ask("ok:later").text == "later");
  CHECK(!going.has_batch());
  eventually("the connection is closed", [&] { return going.open_connections() == 0; });
  CHECK(hop.counted("unknown_total") == 0);
}

TEST_CASE("an idle connection to an instance that goes is closed") {
  HopUpstream going;
  HopUpstream staying;
  ChangingHop hop({going.upstream()});
  CHECK(hop.ask("ok:a").code == Code::ok);
  hop.set({staying.upstream()});
  eventually("the connection is closed", [&] { return going.open_connections() == 0; });
}

TEST_CASE("what an instance that goes couldn't be sent yet goes to others at once") {
  const SilentPort silent;
  HopUpstream staying;
  ChangingHop hop({upstream_at(silent.port())});
  hop.submit("ok:never left");
  hop.set({staying.upstream()});
  CHECK(hop.answer().text == "never left");
  CHECK(hop.counted("unavailable_total") == 0);  // nobody failed
}

TEST_CASE("an instance that goes and comes back is a new one") {
  HopUpstream one(true);
  HopUpstream other;
  ChangingHop hop({one.upstream()});
  hop.submit("ok:a");
  one.batch();
  hop.set({other.upstream()});
  hop.set({one.upstream()});
  hop.submit("ok:b");  // doesn't wait behind the first
  CHECK(one.batch()[0].body == "ok:b");
  one.uncork();
  std::vector<std::string> texts{hop.answer().text, hop.answer().text};
  std::sort(texts.begin(), texts.end());
  CHECK(texts == std::vector<std::string>{"a", "b"});
}

TEST_CASE("an abort answers also what instances that are gone have under way") {
  HopUpstream staying;
  Mailbox<Code> codes;
  HopUpstream hanging(true);
  ReactorPool reactors(1);
  observe::Registry registry;
  HopMetrics metrics(registry, "test");
  std::optional<HopClient> client;
  const auto on_reactor = [&](const std::function<void()>& task) {
    reactors.run_on_each([&](std::size_t, Reactor&) { task(); });
  };
  on_reactor([&] {
    client.emplace(reactors[0], std::vector{hanging.upstream()}, kHopPath, metrics);
    client->submit({{"ok:a"}}, within(), [&](const auto& got) { codes.put(got[0].code); });
  });
  CHECK(hanging.batch().size() == 1);
  on_reactor([&] { client->set_upstreams({staying.upstream()}); });
  CHECK(codes.empty());
  on_reactor([&] { client.reset(); });
  CHECK(codes.take("an answer") == Code::deadline);
}

TEST_CASE("an instance that ends its connections is passed over") {
  Mailbox<bool> go;
  ScriptedPeer leaving([&](RawConnection& connection) {
    connection.request();
    go.take("the word");
    connection.send(answer_saying("leaving", "Connection: close\r\n"));
  });
  HopUpstream staying;
  ChangingHop hop({upstream_at(leaving.port()), staying.upstream()});
  hop.submit("ok:a");
  go.put(true);
  CHECK(hop.answer().text == "leaving");
  hop.submit("ok:b");
  hop.submit("ok:c");
  CHECK(hop.answer().text == "b");
  CHECK(hop.answer().text == "c");
  CHECK(leaving.connections() == 1);
}

TEST_CASE("what waits behind the last answer of an instance goes to the others") {
  Mailbox<bool> go;
  Mailbox<std::string> requests;
  ScriptedPeer leaving([&](RawConnection& connection) {
    requests.put(connection.request());
    go.take("the word");
    connection.send(answer_saying("leaving", "Connection: close\r\n"));
  });
  ChangingHop hop({upstream_at(leaving.port())});
  hop.submit("ok:a");
  requests.take("the request");
  hop.submit("ok:b");
  HopUpstream staying;
  hop.set({upstream_at(leaving.port()), staying.upstream()});
  go.put(true);
  CHECK(hop.answer().text == "leaving");
  CHECK(hop.answer().text == "b");
  CHECK(requests.empty());
}

// The other end's close is in our system's hands when the request is made, and our loop, which does
// that, hasn't looked yet.
TEST_CASE("regression: a request was sent over a connection that was closed while idle") {
  Mailbox<bool> go;
  Mailbox<bool> closed;
  Mailbox<std::string> requests;
  std::atomic<int> connections{0};
  ScriptedPeer peer([&](RawConnection& connection) {
    const bool first = ++connections == 1;
    requests.put(connection.request());
    connection.send(answer_saying(first ? "first" : "second"));
    if (!first) return void(connection.request());
    go.take("the word");
    connection.finish_sending();
    closed.put(true);
    requests.put(connection.request());  // what comes over it now is lost
  });
  ChangingHop hop({upstream_at(peer.port())});
  CHECK(hop.ask("ok:a").text == "first");
  requests.take("the request");
  hop.submit_after(
      [&] {
        go.put(true);
        closed.take("the close");
        const Time idle = std::chrono::steady_clock::now() + milliseconds(5);
        eventually("it was idle", [&] { return std::chrono::steady_clock::now() > idle; });
      },
      "ok:b");
  CHECK(hop.answer().text == "second");
  CHECK(requests.take("the end of the first connection").empty());
}

TEST_CASE("regression: one gone and one just back, and a batch was given to the gone one twice") {
  ServerOptions options;
  {
    TestServer taken{Router()};
    options.port = taken.server.port();
  }
  std::optional<HopUpstream> going(std::in_place);
  ChangingHop hop({upstream_at(options.port), going->upstream()});
  // Until it is passed over for much longer than the other will be.
  eventually("it couldn't be reached four times", [&] {
    CHECK(hop.ask("ok:a").code == Code::ok);
    return hop.counted("unavailable_total") >= 4;
  });
  const HopUpstream back(false, options);
  going.reset();
  CHECK(hop.ask("ok:b").text == "b");
}

TEST_CASE("a pool uses all addresses of a name, and follows them") {
  ServerOptions options;
  HopUpstream first;
  options.port = first.port();
  options.bind_address = "127.0.0.2";
  HopUpstream second(false, options);
  FakeNames names;
  names.set("instances", {"127.0.0.1", "127.0.0.2"});
  observe::Registry registry;
  HopMetrics metrics(registry, "test");
  ReactorPool reactors(2);
  const auto directory = std::make_shared<UpstreamDirectory>(
      reactors, std::vector{named("instances:" + std::to_string(options.port))}, kOften,
      names.look_up());
  eventually("the name is found", [&] { return directory->current().size() == 2; });
  HopPool pool(reactors, directory, kHopPath, metrics);
  Mailbox<Code> codes;
  const auto ask = [&] {
    pool.submit({{"ok:a"}}, within(), [&](const auto& answers) { codes.put(answers[0].code); });
    return codes.take("an answer");
  };
  for (int i = 0; i < 8; ++i) CHECK(ask() == Code::ok);
  CHECK(first.has_batch());
  CHECK(second.has_batch());

  names.set("instances", {"127.0.0.2"});
  eventually("the first is left alone", [&] { return first.open_connections() == 0; });
  while (first.has_batch()) first.batch();
  for (int i = 0; i < 8; ++i) CHECK(ask() == Code::ok);
  CHECK(!first.has_batch());
}

TEST_CASE("what is asked of a name before it is found is answered") {
  HopUpstream upstream;
  FakeNames names;
  names.hold();
  names.set("localhost", {"127.0.0.1"});
  observe::Registry registry;
  HopMetrics metrics(registry, "test");
  ReactorPool reactors(1);
  HopPool pool(reactors,
               std::make_shared<UpstreamDirectory>(
                   reactors, std::vector{named("localhost:" + std::to_string(upstream.port()))},
                   kOften, names.look_up()),
               kHopPath, metrics);
  Mailbox<Code> codes;
  const auto ask = [&] {
    pool.submit({{"ok:a"}}, within(), [&](const auto& answers) { codes.put(answers[0].code); });
  };
  ask();
  CHECK(codes.take("an answer") == Code::ok);  // the connection has looked it up itself
  ask();
  names.let_through();
  CHECK(codes.take("an answer") == Code::ok);
}

}  // namespace
}  // namespace millrace::http
