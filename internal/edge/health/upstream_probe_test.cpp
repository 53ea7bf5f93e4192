#include "edge/health/upstream_probe.h"

#include <catch2/catch.hpp>

#include "edge/ops.h"
#include "edge/test_edge.h"

namespace millrace::edge {
namespace {

using namespace testing;
using http::testing::eventually;
using http::testing::RefusingPort;
using http::testing::SilentPort;
using http::testing::upstream_at;

constexpr std::chrono::milliseconds kTimeout{500};

// A service whose /readyz says `ready`, or for want of `work` that it isn't; at each address of
// this machine.
struct Instance {
  explicit Instance(bool ready, Status work = {})
      : server(routes(ready, std::move(work)), {.bind_address = "0.0.0.0"}) {}
  http::Router routes(bool ready, Status work) {
    state.ready = ready;
    state.can_work = [work](UniqueFunction<void(Status)> done) { done(work); };
    http::Router router;
    add_ops_routes(router, state, registry);
    return router;
  }
  [[nodiscard]] std::uint16_t port() const { return server.server.port(); }
  [[nodiscard]] double connections() const {
    return server.counted("millrace_http_connections_accepted_total");
  }

  observe::Registry registry;
  OpsState state;
  TestServer server;
};

struct Probe {
  explicit Probe(const std::vector<std::uint16_t>& ports) {
    for (const auto port : ports) upstreams.push_back(upstream_at(port));
  }
  Status any() {
    Mailbox<Status> answers;
    reactors[0].post(
        [&] { probe.ask_any([&](Status status) { answers.put(std::move(status)); }); });
    return answers.take("an answer");
  }
  UpstreamAnswers all() {
    Mailbox<UpstreamAnswers> mail;
    reactors[0].post([&] { probe.ask_all([&](UpstreamAnswers answers) { mail.put(answers); }); });
    return mail.take("all answers");
  }

  std::vector<http::Upstream> upstreams;
  http::ReactorPool reactors{1};
  UpstreamProbe probe{reactors, [this] { return upstreams; }, kTimeout};
};

TEST_CASE("each instance answers for itself, in its place") {
  const Instance good(true);
  const Instance draining(false);
  const RefusingPort gone;
  const SilentPort silent;
  Probe t({gone.port(), good.port(), draining.port(), silent.port()});
  const UpstreamAnswers answers = t.all();
  REQUIRE(answers.size() == 4);
  CHECK(answers[0].status.code() == Code::unavailable);
  CHECK(answers[1].status.ok());
  CHECK(answers[2].status.text() ==
        t.upstreams[2].authority + " is not ready: starting or draining");
  CHECK(answers[3].status.code() == Code::unavailable);
  const std::string reasons = reasons_of(answers);
  for (const std::size_t i : {0U, 2U, 3U}) {
    CHECK(reasons.find(t.upstreams[i].authority) != std::string::npos);
  }
  CHECK(reasons.find(t.upstreams[1].authority) == std::string::npos);
}

TEST_CASE("instances of one name are told apart by their addresses") {
  const Instance draining(false);
  Probe t({draining.port(), draining.port()});
  for (http::Upstream& upstream : t.upstreams) upstream.authority = upstream.host = "processor";
  t.upstreams[1].addresses = {"127.0.0.2"};
  CHECK(reasons_of(t.all()) ==
        "processor (127.0.0.1) is not ready: starting or draining; "
        "processor (127.0.0.2) is not ready: starting or draining");
}

std::string reason_for(const std::string& error) {
  const Instance bad(true, {Code::unavailable, error});
  Probe t({bad.port()});
  const std::string reason = t.any().text();
  const std::string head = t.upstreams[0].authority + " is not ready: ";
  REQUIRE(reason.starts_with(head));
  return reason.substr(head.size());
}

TEST_CASE("why an instance isn't ready is told in one line, and not at length") {
  CHECK(reason_for("one\nand\ttwo") == "one and two");
  const std::string most(200, 'x');
  CHECK(reason_for(most) == most);
  CHECK(reason_for(most + "x") == most + "...");
  CHECK(reason_for(most.substr(1) + "\u00e9") == most.substr(1) + "...");
}

TEST_CASE("an instance that says nothing of ours is just not ready") {
  for (const char* body : {"", "busy", "[]", R"({"error":7})", R"({"ready":false})"}) {
    http::Router router;
    router.add(
        {"readyz", http::Method::get, "/readyz", [body](const http::Request&, http::Reply reply) {
           std::move(reply).send(http::Response::json(body, 503));
         }});
    const TestServer server(std::move(router));
    Probe t({server.server.port()});
    CHECK(t.any().text() == t.upstreams[0].authority + " is not ready");
  }
}

TEST_CASE("one ready instance is enough") {
  const Instance good(true);
  const Instance draining(false);
  const RefusingPort gone;
  CHECK(Probe({gone.port(), draining.port(), good.port()}).any().ok());
  const Status none = Probe({gone.port(), draining.port()}).any();
  CHECK(none.code() == Code::unavailable);
  for (const auto port : {gone.port(), draining.port()}) {
    CHECK(none.text().find(std::to_string(port)) != std::string::npos);
  }
}

TEST_CASE("an instance that hangs isn't ready") {
  const SilentPort silent;
  CHECK(Probe({silent.port()}).any().code() == Code::unavailable);
}

TEST_CASE("without instances there is an answer too") {
  Probe t({});
  CHECK(t.any().code() == Code::unavailable);
  CHECK(t.all().empty());
}

TEST_CASE("the source is asked each time") {
  const Instance good(true);
  Probe t({});
  CHECK_FALSE(t.any().ok());
  t.upstreams.push_back(upstream_at(good.port()));
  CHECK(t.any().ok());
}

TEST_CASE("regression: everybody who asked at once had each instance asked anew") {
  const Instance good(true);
  const Instance bad(false);
  Probe t({good.port(), bad.port()});
  Mailbox<Status> any;
  Mailbox<UpstreamAnswers> all;
  constexpr int kAskers = 50;
  for (const int rounds : {1, 2}) {
    t.reactors[0].post([&] {
      for (int i = 0; i < kAskers; ++i) {
        t.probe.ask_any([&](Status status) { any.put(std::move(status)); });
        t.probe.ask_all([&](UpstreamAnswers answers) { all.put(std::move(answers)); });
      }
    });
    for (int i = 0; i < kAskers; ++i) {
      CHECK(any.take("an answer").ok());
      CHECK(all.take("all answers").size() == 2);
    }
    CHECK(good.connections() == rounds);
    CHECK(bad.connections() == rounds);
  }
}

TEST_CASE("who asks while others wait for a slow instance hears at once of a ready one") {
  const Instance good(true);
  const SilentPort silent;
  Probe t({silent.port(), good.port()});
  const auto began = std::chrono::steady_clock::now();
  CHECK(t.any().ok());
  CHECK(t.any().ok());
  const UpstreamAnswers answers = t.all();  // of the same round
  CHECK(std::chrono::steady_clock::now() - began < 2 * kTimeout);
  CHECK_FALSE(answers[0].status.ok());
  CHECK(answers[1].status.ok());
  CHECK(good.connections() == 1);
}

TEST_CASE("what was answered last is known without asking, and asked for by who wants to know") {
  const Instance good(true);
  Probe t({good.port()});
  CHECK_FALSE(t.probe.latest());
  eventually("somebody has asked", [&t] { return t.probe.latest().has_value(); });
  CHECK(t.probe.latest()->front().status.ok());

  Probe other({good.port()});
  CHECK(other.any().ok());
  eventually("its answers are kept", [&other] { return other.probe.latest().has_value(); });
}

}  // namespace
}  // namespace millrace::edge
