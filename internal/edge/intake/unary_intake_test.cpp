#include "edge/intake/unary_intake.h"

#include <catch2/catch.hpp>

#include "edge/test_edge.h"
#include "fakes/executors.h"

namespace millrace::edge {
namespace {

using testing::FakeProducer;

struct Calls {
  FakeProducer producer;
  observe::Registry registry;
  IngestCore core{producer, registry};
  fakes::ManualExecutor executor;
  UnaryIntake intake{core, executor, std::chrono::seconds(5)};
  std::vector<std::pair<std::string, Status>> answered;

  void call(const std::string& source, Time deadline = Time::max(), bool cancelled = false) {
    intake.add(
        IngestItem{{source, "", {}}}, deadline, [cancelled] { return cancelled; },
        [this, source](const IngestAnswer& answer) {
          answered.emplace_back(source, answer.status);
        });
  }
};

TEST_CASE("calls are published together, and each gets its own verdict", "[unary]") {
  Calls t;
  for (const char* source : {"a", "", "b"}) t.call(source);
  CHECK(t.producer.published() == 0);
  t.executor.run_all();
  auto first = t.producer.take();
  CHECK(first.batch.size() == 2);
  t.call("c");
  t.executor.run_all();
  CHECK(t.producer.published() == 3);
  const Status full(Code::full, "full");
  first.done({Status(), full});
  REQUIRE(t.answered.size() == 3);
  CHECK(t.answered[0] == std::pair<std::string, Status>("a", {}));
  CHECK(t.answered[1].second.code() == Code::rejected);
  CHECK(t.answered[2] == std::pair<std::string, Status>("b", full));
  t.producer.take().answer({});
  CHECK(t.answered.size() == 4);
  t.call("d");
  t.executor.run_all();
  t.producer.take().answer({});
  CHECK(t.answered.size() == 5);
}

TEST_CASE("what is cancelled before it sets out isn't published", "[unary]") {
  Calls t;
  t.call("kept");
  t.call("gone", Time::max(), true);
  t.executor.run_all();
  auto published = t.producer.take();
  CHECK(published.batch.size() == 1);
  published.answer({});
  REQUIRE(t.answered.size() == 2);
  CHECK(t.answered[0].second.ok());
  CHECK(t.answered[1].second.code() == Code::closed);
}

TEST_CASE("a call in a hurry doesn't cut the others' time, nor does one hold up the next",
          "[unary]") {
  Calls t;
  const Time now = std::chrono::steady_clock::now();
  t.call("slow", now + std::chrono::seconds(3));
  t.call("fast", now + std::chrono::milliseconds(100));
  t.executor.run_all();
  auto first = t.producer.take();
  CHECK(first.batch.size() == 2);
  CHECK(first.deadline == now + std::chrono::seconds(3));
  t.call("next");
  t.executor.run_all();
  auto second = t.producer.take();
  CHECK(second.deadline > now + std::chrono::seconds(4));
  CHECK(second.deadline <= std::chrono::steady_clock::now() + std::chrono::seconds(5));
  second.answer({});
  CHECK(t.answered.at(0).first == "next");
  first.done({Status(), Status()});
  CHECK(t.answered.size() == 3);
}

TEST_CASE("what is over before it sets out isn't published", "[unary]") {
  Calls t;
  t.call("late", std::chrono::steady_clock::now());
  t.executor.run_all();
  CHECK(t.producer.published() == 0);
  REQUIRE(t.answered.size() == 1);
  CHECK(t.answered[0].second.code() == Code::deadline);
}

}  // namespace
}  // namespace millrace::edge
