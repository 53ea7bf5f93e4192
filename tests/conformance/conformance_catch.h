// The suite inside a Catch2 TEST_CASE.
#pragma once

#include <catch2/catch.hpp>

#include "conformance/conformance.h"

namespace millrace::conformance {

// Call it in a TEST_CASE of its own: each check becomes a section named after its promise.
inline void require_conformance(const Fixture& fixture) {
  for (const Check& check : all_checks()) {
    DYNAMIC_SECTION(fixture.name << ": " << check.name) {
      const CheckResult result = run_check(check, fixture);
      INFO(result.detail);
      if (result.verdict == Verdict::skipped) WARN("skipped: " << check.name);
      CHECK(result.verdict != Verdict::failed);
    }
  }
}

}  // namespace millrace::conformance
