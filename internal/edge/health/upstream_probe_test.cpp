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

// A service whose /readyz says `ready`.
struct Instance {
  explicit Instance(bool ready) : server(routes(ready)) {}
  http::Router routes(bool ready) {
    state.ready = ready;
    state.can_work = [](UniqueFunction<void(Status)> done) { done({}); };
    http::Router router;
    add_ops_routes(router, state, registry);
    return router;
  }
  [[nodiscard]] std::uint16_t port() const { return server.server.port(); }

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
  CHECK(answers[1].authority == t.upstreams[1].authority);
  CHECK(answers[2].status.text() == answers[2].authority + " is not ready");
  CHECK(answers[3].status.code() == Code::unavailable);
  const std::string reasons = reasons_of(answers);
  for (const std::size_t i : {0U, 2U, 3U}) {
    CHECK(reasons.find(answers[i].authority) != std::string::npos);
  }
  CHECK(reasons.find(answers[1].authority) == std::string::npos);
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
