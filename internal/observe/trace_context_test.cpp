#include "observe/trace_context.h"

#include <catch2/catch.hpp>

using millrace::observe::continue_trace;
using millrace::observe::trace_id;

namespace {
const std::string kGiven = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
}

TEST_CASE("a trace goes on with the same id and flags under a new parent", "[trace]") {
  const auto own = continue_trace(kGiven);
  REQUIRE(own);
  CHECK(own->size() == kGiven.size());
  CHECK(own->substr(0, 36) == kGiven.substr(0, 36));
  CHECK(own->substr(36, 16) != kGiven.substr(36, 16));
  CHECK(own->substr(52) == "-01");
  CHECK(trace_id(*own) == "0af7651916cd43dd8448eb211c80319c");
  CHECK(continue_trace(*own));
  CHECK(*continue_trace(kGiven) != *own);
}

TEST_CASE("what isn't a traceparent is no trace", "[trace]") {
  const auto changed = [](std::size_t at, char to) {
    std::string text = kGiven;
    text[at] = to;
    return text;
  };
  for (const std::string& text :
       {std::string(), std::string("00"), kGiven.substr(0, 54), kGiven + "0", kGiven + "-x",
        changed(2, '_'), changed(35, '0'), changed(52, '0'), changed(10, 'A'), changed(40, 'g'),
        changed(54, ' '), "ff" + kGiven.substr(2), "00-" + std::string(32, '0') + kGiven.substr(35),
        kGiven.substr(0, 36) + std::string(16, '0') + "-01"}) {
    CAPTURE(text);
    CHECK_FALSE(continue_trace(text));
  }
}

TEST_CASE("a later version may say more", "[trace]") {
  const auto own = continue_trace("01" + kGiven.substr(2) + "-more");
  REQUIRE(own);
  CHECK(own->starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
}
