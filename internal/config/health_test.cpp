#include "config/health.h"

#include <catch2/catch.hpp>

#include "config/test_rules.h"

namespace millrace::config {
namespace {

std::vector<Rule> rules() {
  using S = Settings;
  constexpr auto kG = Service::gateway;
  constexpr auto kP = Service::processor;
  const auto not_percents = not_numbers_and({"101", "80%"});
  const auto not_counts = not_numbers_and({"1099511627777"});
  const std::map<std::string, std::string> counts = {{"0", "0"}, {"7", "7"}};
  // Low enough for a warning, high enough for the worst.
  const std::map<std::string, std::string> low = {{"0", "0"}, {"1", "1"}};
  const std::map<std::string, std::string> high = {{"0", "0"}, {"100", "100"}};
  return {
      {kP, "HEALTH_QUEUE_WARNING", field(&S::health_queue_warning), high, not_percents, "0 to 100"},
      {kP, "HEALTH_LAG_WARNING", field(&S::health_lag_warning), counts, not_counts, "0 to"},
      {kP,
       "HEALTH_LAG_UNHEALTHY",
       field(&S::health_lag_unhealthy),
       {{"0", "0"}, {"1000000", "1000000"}},
       not_counts,
       "0 to"},
      {kG, "HEALTH_MEMORY_WARNING", field(&S::health_memory_warning), low, not_percents,
       "0 to 100"},
      {kG, "HEALTH_MEMORY_UNHEALTHY", field(&S::health_memory_unhealthy), high, not_percents,
       "0 to 100"},
      {kP, "HEALTH_DISK_WARNING", field(&S::health_disk_warning), low, not_percents, "0 to 100"},
      {kP, "HEALTH_DISK_UNHEALTHY", field(&S::health_disk_unhealthy), high, not_percents,
       "0 to 100"},
  };
}

TEST_CASE("the limits of health are read and checked") {
  check_what_is_good(rules());
  check_what_is_bad(rules());
}

TEST_CASE("the limits' defaults are those of the struct") { check_defaults(rules()); }

TEST_CASE("a warning doesn't come after the worst") {
  CHECK(error_of(Service::gateway, {{"HEALTH_MEMORY_WARNING", "96"}}) ==
        "HEALTH_MEMORY_WARNING=96: above HEALTH_MEMORY_UNHEALTHY=95 (allowed: 0 to 95)");
  CHECK(error_of(Service::processor, {{"HEALTH_DISK_UNHEALTHY", "84"}}) ==
        "HEALTH_DISK_WARNING=85: above HEALTH_DISK_UNHEALTHY=84 (allowed: 0 to 84)");
  CHECK(error_of(Service::processor, {{"HEALTH_LAG_UNHEALTHY", "99999"}}) ==
        "HEALTH_LAG_WARNING=100000: above HEALTH_LAG_UNHEALTHY=99999 (allowed: 0 to 99999)");
}

TEST_CASE("a limit that is never reached has no order, and equal ones are in order") {
  CHECK_NOTHROW(loaded(Service::gateway, {{"HEALTH_MEMORY_UNHEALTHY", "0"}}));
  CHECK_NOTHROW(loaded(Service::gateway, {{"HEALTH_MEMORY_WARNING", "95"}}));
  CHECK_NOTHROW(loaded(Service::ingest, {{"HEALTH_DISK_WARNING", "96"}}));
}

}  // namespace
}  // namespace millrace::config
