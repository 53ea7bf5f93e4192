#include "edge/health/component.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "edge/health/health_checks.h"

namespace millrace::edge {
namespace {

using nlohmann::json;

const Component kQueue{.name = "queue", .numbers = {{"connected", 1}}};
const Component kLag{.name = "lag", .health = Health::warning, .reason = "7 messages wait"};
const Component kDisk{.name = "disk", .health = Health::unhealthy, .reason = "full"};
const Component kWorkers{.name = "workers", .health = Health::unhealthy, .reason = "stuck"};

TEST_CASE("the whole is as bad as its worst component") {
  CHECK(worst_of({}) == Health::healthy);
  CHECK(worst_of({kQueue}) == Health::healthy);
  CHECK(worst_of({kQueue, kLag}) == Health::warning);
  CHECK(worst_of({kDisk, kLag, kQueue}) == Health::unhealthy);
}

TEST_CASE("only the reasons of the worst are told together") {
  CHECK(worst_reasons({kQueue}).empty());
  CHECK(worst_reasons({kQueue, kLag}) == "lag: 7 messages wait");
  CHECK(worst_reasons({kLag, kDisk, kWorkers}) == "disk: full; workers: stuck");
}

TEST_CASE("an answer reads like this") {
  CHECK(health_json("processor", {kQueue, kLag}) ==
        R"({"healthy":true,"status":"warning","service":"processor","components":[)"
        R"({"name":"queue","status":"healthy","connected":1},)"
        R"({"name":"lag","status":"warning","reason":"7 messages wait"}]})");
  const auto worst = json::parse(health_json("s", {kLag, kDisk}));
  CHECK(worst.at("healthy") == false);
  CHECK(worst.at("status") == "unhealthy");
  CHECK(worst.at("error") == "disk: full");
  CHECK(
      not_at_work_json("s", "draining") ==
      R"({"healthy":false,"status":"unhealthy","service":"s","components":[],"error":"draining"})");
}

TEST_CASE("a reason that isn't UTF-8 spoils no answer") {
  const Component odd{.name = "queue", .health = Health::unhealthy, .reason = "\xff"};
  CHECK(json::parse(health_json("s", {odd})).at("healthy") == false);
}

TEST_CASE("who is asked comes first, what is known here after it") {
  HealthChecks checks;
  checks.known.push_back({"memory", [] { return Component{.name = "memory"}; }});
  const auto names = [&checks] {
    std::string all;
    checks.look([&all](const std::vector<Component>& components) {
      for (const Component& component : components) all += component.name + " ";
    });
    return all;
  };
  CHECK(names() == "memory ");
  checks.asked = {"queue", [](UniqueFunction<void(Component)> done) { done(kQueue); }, nullptr};
  CHECK(names() == "queue memory ");
}

TEST_CASE("each component has a sample, its number the state, none before it is known") {
  observe::Registry registry;
  HealthChecks checks;
  Component memory{.name = "memory"};
  std::optional<Component> queue;
  checks.known.push_back({"memory", [&memory] { return memory; }});
  checks.asked = {"queue", nullptr, [&queue] { return queue; }};
  register_health_metrics(registry, checks);
  const auto has = [&registry](const std::string& sample) {
    return registry.expose().find("millrace_health_status{component=" + sample + "\n") !=
           std::string::npos;
  };
  CHECK(has(R"("memory"} 0)"));
  CHECK(has(R"("queue"} Nan)"));
  memory.health = Health::warning;
  queue = Component{.name = "queue", .health = Health::unhealthy};
  CHECK(has(R"("memory"} 1)"));
  CHECK(has(R"("queue"} 2)"));
}

}  // namespace
}  // namespace millrace::edge
