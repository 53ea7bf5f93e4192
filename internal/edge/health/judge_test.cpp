#include "edge/health/judge.h"

#include <catch2/catch.hpp>

namespace millrace::edge {
namespace {

using Catch::Matchers::Contains;

const Status kDown(Code::unavailable, "connection refused");

UpstreamAnswers answers_of(const std::vector<bool>& ready) {
  UpstreamAnswers answers;
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const std::string name = "host-" + std::to_string(i);
    answers.push_back({ready[i] ? Status() : Status(Code::unavailable, name + " is down")});
  }
  return answers;
}

std::uint64_t number(const Component& component, const std::string& name) {
  for (const auto& [found, value] : component.numbers) {
    if (found == name) return value;
  }
  throw std::out_of_range(name);
}

TEST_CASE("a queue is what its broker says, and full is connected") {
  const auto judged = [](const Status& status) {
    return judge_queue({provider_health("nats", status)}, Need::all);
  };
  CHECK(judged({}).health == Health::healthy);
  CHECK(judged({}).reason.empty());
  CHECK(judged({Code::full, "full"}).health == Health::healthy);
  CHECK(judged(kDown).health == Health::unhealthy);
  CHECK(judged(kDown).reason == "connection refused");
}

TEST_CASE("a queue in the memory of several processors needs one of them") {
  const auto judged = [](const std::vector<bool>& ready) {
    return judge_queue({provider_health("memory", answers_of(ready))}, Need::all);
  };
  CHECK(judged({true, true}).health == Health::healthy);
  CHECK(judged({true, false}).health == Health::warning);
  CHECK(judged({true, false}).reason == "host-1 is down");
  CHECK(judged({false, false}).health == Health::unhealthy);
  CHECK(judged({false, false}).reason == "host-0 is down; host-1 is down");
  CHECK(judged({}).health == Health::unhealthy);
  CHECK_FALSE(judged({}).reason.empty());
}

TEST_CASE("of a composite one provider is missed by its strategy") {
  const auto judged = [](const Status& nats, const Status& kafka, Need need) {
    return judge_queue({provider_health("nats", nats), provider_health("kafka", kafka)}, need);
  };
  CHECK(judged({}, {}, Need::all).health == Health::healthy);
  const Component strict = judged({}, kDown, Need::all);
  CHECK(strict.health == Health::unhealthy);
  CHECK(strict.reason == "kafka: connection refused");
  CHECK(number(strict, "connected") == 1);
  const Component lenient = judged(kDown, {}, Need::any);
  CHECK(lenient.health == Health::warning);
  CHECK(lenient.reason == "nats: connection refused");
  CHECK(judged(kDown, kDown, Need::any).health == Health::unhealthy);
}

TEST_CASE("a queue that fills up") {
  const auto judged = [](std::uint64_t messages, std::uint64_t warning = 80) {
    return judge_queue_depth({{"memory", messages, 1000}}, warning, Need::all);
  };
  CHECK(judged(799).health == Health::healthy);
  CHECK(judged(799).reason.empty());
  CHECK(judged(800).health == Health::warning);
  CHECK(judged(839).reason == "83 % full (839 of 1000)");
  CHECK(judged(999).health == Health::warning);
  CHECK(judged(1000).health == Health::unhealthy);
  CHECK(judged(1000).reason == "full (1000 of 1000)");
  CHECK(judged(999, 0).health == Health::healthy);
  CHECK(judged(1000, 0).health == Health::unhealthy);
  CHECK(number(judged(839), "percent") == 83);
}

TEST_CASE("a queue that is full by another bound says so") {
  const Component depth = judge_queue_depth(
      {{.name = "memory", .messages = 5, .capacity = 1000, .full = true}}, 80, Need::all);
  CHECK(depth.health == Health::unhealthy);
  CHECK_THAT(depth.reason, Contains("bytes"));
}

TEST_CASE("a queue bounded by bytes too is as full as the nearer bound says") {
  const auto judged = [](std::uint64_t messages, std::uint64_t bytes,
                         std::uint64_t capacity = 100) {
    const QueueFill nats{.name = "nats",
                         .messages = messages,
                         .capacity = capacity,
                         .bytes = bytes,
                         .bytes_max = 10'000,
                         .frames = true};
    return judge_queue_depth({nats}, 80, Need::all);
  };
  CHECK(judged(79, 7'999).health == Health::healthy);
  CHECK(judged(83, 1'000).reason == "83 % full (83 of 100, a frame counting as one)");
  CHECK(judged(10, 8'400).health == Health::warning);
  CHECK(judged(10, 8'400).reason == "84 % full (8400 of 10000 bytes)");
  CHECK(number(judged(10, 8'400), "percent") == 84);
  CHECK(number(judged(10, 8'400), "bytes") == 8'400);
  CHECK(number(judged(10, 8'400), "bytes_max") == 10'000);
  CHECK(judged(100, 9'000).reason == "full (100 of 100, a frame counting as one)");
  CHECK(judged(0, 0, 0).health == Health::healthy);
  CHECK(judged(10, 8'400, 0).reason == "84 % full (8400 of 10000 bytes)");
}

TEST_CASE("a queue is full by bytes when the next has no room") {
  const auto judged = [](std::uint64_t messages, std::uint64_t bytes) {
    return judge_queue_depth(
        {{.name = "nats", .messages = messages, .bytes = bytes, .bytes_max = 10'000}}, 95,
        Need::all);
  };
  CHECK(judged(9, 9'000).health == Health::healthy);
  CHECK(judged(9, 9'001).health == Health::unhealthy);
  CHECK(judged(9, 9'001).reason == "full (9001 of 10000 bytes)");
  CHECK(judged(9'999, 9'999).health == Health::warning);
  CHECK(judged(10'000, 10'000).health == Health::unhealthy);
}

TEST_CASE("of a composite the fullest counts, and a full one by its strategy") {
  const auto judged = [](std::vector<QueueFill> fills, Need need) {
    return judge_queue_depth(fills, 80, need);
  };
  const QueueFill nats{"nats", 10, 1000};
  const QueueFill full{"memory", 100, 100};
  const QueueFill unbounded{"kafka", 5000, 0};
  CHECK(judged({nats, {"memory", 90, 100}}, Need::all).reason == "memory: 90 % full (90 of 100)");
  CHECK(judged({nats, full}, Need::all).health == Health::unhealthy);
  CHECK(judged({nats, full}, Need::any).health == Health::warning);
  CHECK(judged({full, unbounded}, Need::any).health == Health::warning);
  CHECK(judged({full, full}, Need::any).health == Health::unhealthy);
  CHECK(judged({unbounded}, Need::all).health == Health::healthy);
}

TEST_CASE("the longest lag is judged, by limits of which 0 is never") {
  const auto judged = [](std::uint64_t messages, Thresholds limits) {
    return judge_lag({{"nats", messages}, {"kafka", 1}}, limits);
  };
  CHECK(judged(9, {10, 20}).health == Health::healthy);
  CHECK(judged(10, {10, 20}).health == Health::warning);
  CHECK(judged(10, {10, 20}).reason == "nats: 10 messages wait");
  CHECK(judged(20, {10, 20}).health == Health::unhealthy);
  CHECK(judged(1'000'000, {10, 0}).health == Health::warning);
  CHECK(judged(1'000'000, {0, 0}).health == Health::healthy);
  CHECK(judge_lag({{"nats", 10, true}}, {10, 20}).reason ==
        "10 messages wait, a frame counting as one");
}

TEST_CASE("memory against its limit") {
  constexpr std::uint64_t kMib = 1 << 20;
  const auto judged = [](std::uint64_t resident) {
    return judge_memory(resident * kMib, 200 * kMib, {85, 95});
  };
  CHECK(judged(169).health == Health::healthy);
  CHECK(judged(170).health == Health::warning);
  CHECK(judged(170).reason == "85 % of the limit used (170 MiB of 200 MiB)");
  CHECK(judged(190).health == Health::unhealthy);
  CHECK(number(judged(100), "limit_bytes") == 200 * kMib);
  CHECK(judge_memory(std::nullopt, 1, {85, 95}).health == Health::healthy);
  CHECK(judge_memory(1, std::nullopt, {85, 95}).health == Health::healthy);
}

// A disk of 100 GiB of which the superuser keeps 10.
DiskUse disk_of(const std::string& file, std::uint64_t used) {
  constexpr std::uint64_t kGib = 1 << 30;
  return {file, observe::DiskSpace{100 * kGib, used * kGib, (90 - used) * kGib}};
}

TEST_CASE("the fullest disk is judged, without what the superuser keeps") {
  const auto judged = [](const std::vector<DiskUse>& disks) {
    return judge_disk(disks, Duration(0), {80, 90});
  };
  CHECK(judged({disk_of("sink", 71)}).health == Health::healthy);
  const Component warning = judged({disk_of("sink", 10), disk_of("dead_letters", 72)});
  CHECK(warning.health == Health::warning);
  CHECK(warning.reason == "dead_letters: 80 % of the disk used (18.0 GiB free)");
  CHECK(judged({disk_of("sink", 81)}).health == Health::unhealthy);
  CHECK(number(judged({disk_of("sink", 45)}), "percent") == 50);
  CHECK(judged({{"sink", std::nullopt}}).health == Health::healthy);
  CHECK(judge_disk({disk_of("sink", 90)}, Duration(0), {0, 0}).health == Health::healthy);
}

TEST_CASE("a file system that doesn't answer is a warning") {
  using std::chrono::seconds;
  CHECK(judge_disk({}, seconds(9), {80, 90}).health == Health::healthy);
  const Component hanging = judge_disk({disk_of("sink", 81)}, seconds(12), {80, 90});
  CHECK(hanging.health == Health::unhealthy);
  CHECK_THAT(hanging.reason, Contains("% of the disk") && Contains("for 12 s"));
  CHECK(judge_disk({}, seconds(12), {80, 90}).health == Health::warning);
}

TEST_CASE("workers that are stuck") {
  CHECK(judge_workers(4, 0, {}).health == Health::healthy);
  CHECK(judge_workers(4, 1, {}).health == Health::warning);
  CHECK(judge_workers(4, 1, {}).reason == "1 of 4 workers are stuck in a handler");
  CHECK(judge_workers(4, 4, {}).health == Health::unhealthy);
  CHECK(judge_workers(4, 0, {Code::unavailable, "no space"}).health == Health::unhealthy);
  CHECK(judge_workers(4, 0, {Code::unavailable, "no space"}).reason == "no space");
}

TEST_CASE("a gateway needs an ingest, and tells who is missing") {
  const auto judged = [](const std::vector<bool>& ingest, const std::vector<bool>& processor) {
    return judge_upstreams(answers_of(ingest), answers_of(processor));
  };
  CHECK(judged({true, true}, {true}).health == Health::healthy);
  CHECK(judged({true, false}, {true}).health == Health::warning);
  CHECK(judged({true, false}, {true}).reason == "ingest: host-1 is down");
  CHECK(judged({true}, {false}).health == Health::warning);
  CHECK(judged({true}, {false, true}).health == Health::warning);
  CHECK(judged({false, false}, {true}).health == Health::unhealthy);
  CHECK(judged({}, {true}).health == Health::unhealthy);
  const Component bad = judged({false}, {false});
  CHECK(bad.reason == "ingest: host-0 is down; processor: host-0 is down");
  CHECK(number(judged({true, false}, {true}), "ingest_ready") == 1);
  CHECK(number(judged({true, false}, {true}), "ingest_configured") == 2);
}

}  // namespace
}  // namespace millrace::edge
