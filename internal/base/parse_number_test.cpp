#include "base/parse_number.h"

#include <catch2/catch.hpp>
#include <cstdint>

namespace millrace {
namespace {

TEST_CASE("a number is the whole of its text, and fits") {
  CHECK(parse_number<std::uint64_t>("18446744073709551615") == UINT64_MAX);
  CHECK(parse_number<std::int32_t>("-1") == -1);
  for (const char* wrong : {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "4294967296"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_number<std::uint32_t>(wrong));
  }
}

}  // namespace
}  // namespace millrace
