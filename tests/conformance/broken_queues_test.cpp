// The suite's own test: it passes a queue that keeps every promise and fails each that breaks one.
#include "conformance/broken_queues.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "conformance/conformance_catch.h"

namespace millrace::conformance {
namespace {

const Check* find_check(std::string_view name) {
  const auto checks = all_checks();
  const auto found = std::find_if(checks.begin(), checks.end(),
                                  [&](const Check& check) { return check.name == name; });
  return found == checks.end() ? nullptr : &*found;
}

TEST_CASE("a queue that keeps every promise passes every check") {
  for (const CheckResult& result : run_conformance(simple_fixture())) {
    INFO(result.check << ": " << result.detail);
    CHECK(result.verdict == Verdict::passed);
  }
}

TEST_CASE("each broken queue fails the check that names its fault") {
  for (const BrokenQueue& broken : broken_queues()) {
    DYNAMIC_SECTION(broken.name << " / " << broken.failing_check) {
      const Check* check = find_check(broken.failing_check);
      REQUIRE(check != nullptr);
      const CheckResult result = run_check(*check, broken_fixture(broken));
      CHECK(result.verdict == Verdict::failed);
      CHECK_FALSE(result.detail.empty());
    }
  }
}

TEST_CASE("every check has a broken queue that it fails") {
  std::set<std::string_view> proven;
  for (const BrokenQueue& broken : broken_queues()) proven.insert(broken.failing_check);
  for (const Check& check : all_checks()) {
    INFO(check.name);
    CHECK(proven.contains(check.name));
  }
}

TEST_CASE("what a queue doesn't promise is skipped with a reason, not passed") {
  Fixture fixture = simple_fixture();
  fixture.features = {.ordered = false,
                      .delayed_retry = false,
                      .bounded = false,
                      .durable = false,
                      .may_duplicate = true};
  std::size_t skipped = 0;
  for (const CheckResult& result : run_conformance(fixture)) {
    INFO(result.check << ": " << result.detail);
    CHECK(result.verdict != Verdict::failed);
    if (result.verdict != Verdict::skipped) continue;
    ++skipped;
    CHECK_FALSE(result.detail.empty());
  }
  CHECK(skipped == 6);
}

}  // namespace
}  // namespace millrace::conformance
