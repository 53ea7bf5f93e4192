#include "edge/ingest/key_window.h"

#include <catch2/catch.hpp>

namespace millrace::edge {
namespace {

using Seen = KeyWindow::Seen;

MessageFields message(std::string id, std::string data,
                      std::map<std::string, std::string> metadata = {}) {
  return {.id = std::move(id),
          .timestamp = 1,
          .source = "s",
          .payload = std::move(data),
          .metadata = std::move(metadata)};
}

const Status kRefused(Code::full, "full");
const Status kUnknown(Code::deadline, "late");

TEST_CASE("a repeat is known once the queue has the first") {
  ManualClock clock;
  KeyWindow keys({}, clock);
  CHECK(keys.begin(message("a", "x")) == Seen::first);
  CHECK(keys.begin(message("a", "x")) == Seen::first);  // under way
  keys.end("a", kUnknown);
  CHECK(keys.begin(message("a", "x")) == Seen::first);
  keys.end("a", {});
  CHECK(keys.begin(message("a", "x")) == Seen::stored);
  keys.end("a", kRefused);  // of a repeat that was under way: it is there all the same
  CHECK(keys.begin(message("a", "x")) == Seen::stored);
  CHECK(keys.begin(message("b", "x")) == Seen::first);
}

TEST_CASE("the same key with another body is seen, unless the first was refused") {
  ManualClock clock;
  KeyWindow keys({}, clock);
  keys.begin(message("a", "x", {{"k", "v"}}));
  for (const auto& other :
       {message("a", "y"), message("a", "x"), message("a", "x", {{"k", "w"}}),
        message("a", "x", {{"kv", ""}}), message("a", "", {{"x", "k"}, {"v", ""}})}) {
    CHECK(keys.begin(other) == Seen::other_body);
  }
  keys.end("a", kUnknown);
  CHECK(keys.begin(message("a", "y")) == Seen::other_body);
  keys.end("a", kRefused);
  CHECK(keys.begin(message("a", "y")) == Seen::first);
}

TEST_CASE("a key is known for a window, and not for more than two") {
  ManualClock clock;
  KeyWindow keys({.window = std::chrono::minutes(10)}, clock);
  keys.begin(message("a", "x"));
  keys.end("a", {});
  clock.advance(std::chrono::minutes(10));
  CHECK(keys.begin(message("a", "x")) == Seen::stored);
  clock.advance(std::chrono::minutes(11));
  CHECK(keys.begin(message("a", "y")) == Seen::first);
}

TEST_CASE("keys are bounded, the newest half is known") {
  ManualClock clock;
  KeyWindow keys({.max = 100}, clock);
  for (int i = 0; i < 1000; ++i) {
    keys.begin(message(std::to_string(i), "x"));
    keys.end(std::to_string(i), {});
  }
  for (int i = 950; i < 1000; ++i)
    CHECK(keys.begin(message(std::to_string(i), "x")) == Seen::stored);
  CHECK(keys.begin(message("0", "x")) == Seen::first);
}

TEST_CASE("a window of no time knows nothing") {
  ManualClock clock;
  KeyWindow keys({.window = Duration(0)}, clock);
  keys.begin(message("a", "x"));
  keys.end("a", {});
  CHECK(keys.begin(message("a", "y")) == Seen::first);
}

}  // namespace
}  // namespace millrace::edge
