#include "report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "schedule.h"

namespace millrace::load {
namespace {

using std::chrono::microseconds;

// 1000 requests at 100/s, all of them answered in 10 s.
Outcome good_outcome() {
  Outcome outcome;
  outcome.planned = outcome.sent = outcome.ok = outcome.accepted_messages = 1000;
  outcome.began = Time(std::chrono::seconds(100));
  outcome.ended = Time(std::chrono::seconds(110));
  outcome.wall_s = 10;
  outcome.cpu_s = 0.5;
  for (int i = 1; i <= 1000; ++i) outcome.latency.add(microseconds(i));
  return outcome;
}

Options options_at(double rate) {
  Options options;
  options.rate = rate;
  return options;
}

TEST_CASE("a run that held its rate has nothing to complain of") {
  CHECK(complaint(options_at(100), good_outcome()).empty());
  CHECK(complaint(options_at(0), good_outcome()).empty());
}

TEST_CASE("a rate that wasn't held is said, with what made it so") {
  const Options options = options_at(150);
  Outcome outcome = good_outcome();
  CHECK(complaint(options, outcome).find("the rate of 150/s was not reached: 100/s") == 0);
  outcome.waited = 3;
  CHECK(complaint(options, outcome).find("--connections") != std::string::npos);
  outcome.cpu_s = 9.9;
  CHECK(complaint(options, outcome).find("the generator itself") != std::string::npos);
}

TEST_CASE("any answer that isn't as expected is said, and any failure") {
  Outcome outcome = good_outcome();
  outcome.unexpected = 1;
  outcome.partial = 1;
  outcome.others_by_class = {0, 0, 2, 3};
  outcome.count(Failure::timeout);
  outcome.count(Failure::connect);
  outcome.count(Failure::connect);
  const std::string said = complaint(options_at(100), outcome);
  CHECK(said.find("7 answers") == 0);
  CHECK(said.find("1 requests got none") != std::string::npos);
  CHECK(said.find("2 connections") != std::string::npos);
  CHECK(complaint(options_at(100), Outcome{}) == "nothing was sent");
}

TEST_CASE("JSON has the counts, the rate over wall time, and percentiles in microseconds") {
  Outcome outcome = good_outcome();
  outcome.count(Failure::closed);
  outcome.others_by_class[3] = 4;
  const auto json = nlohmann::json::parse(as_json(options_at(100), outcome));
  CHECK(json["loop"] == "open");
  CHECK(json["answered"] == 1004);
  CHECK(json["status"]["200"] == 1000);
  CHECK(json["status"]["5xx"] == 4);
  CHECK(json["errors"]["closed"] == 1);
  CHECK(json["requests_per_s"] == 100);
  CHECK(json["cpu_percent"] == 5);
  CHECK(json["began_s"] == 100);
  CHECK(json["ended_s"] == 110);
  CHECK(json["latency_us"]["p50"].get<double>() == Approx(500).epsilon(0.001));
  CHECK(json["latency_us"]["p99_9"].get<double>() == Approx(999).epsilon(0.001));
  CHECK(json["latency_us"]["max"] == 1000);
}

TEST_CASE("the table says which loop it was") {
  CHECK(as_table(options_at(100), good_outcome()).starts_with("open loop, 100/s"));
  CHECK(as_table(options_at(0), good_outcome()).starts_with("closed loop"));
}

TEST_CASE("requests are due at even intervals, without an error that adds up") {
  const Schedule schedule(3, 3600);
  CHECK(schedule.count() == 10'800);
  CHECK(schedule.offset(0).count() == 0);
  CHECK(schedule.offset(1).count() == 333'333'333);
  CHECK(schedule.offset(10'799).count() == 3'599'666'666'667);
  CHECK(Schedule(0.1, 1).count() == 1);
}

}  // namespace
}  // namespace millrace::load
