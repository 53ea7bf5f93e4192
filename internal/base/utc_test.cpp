#include "base/utc.h"

#include <catch2/catch.hpp>

namespace millrace {
namespace {

TEST_CASE("a time's text reads back") {
  CHECK(utc_text(1'767'323'045'678) == "2026-01-02T03:04:05.678Z");
  CHECK(utc_text(0) == "1970-01-01T00:00:00.000Z");
  for (const std::int64_t ms : {1LL, 999LL, 1'767'323'045'678LL})
    CHECK(unix_ms_of(utc_text(ms)) == ms);
  for (const char* text : {"", "2026", "2026-01-02T03:04:05", "yesterday"}) {
    CHECK(unix_ms_of(text) == 0);
  }
}

}  // namespace
}  // namespace millrace
