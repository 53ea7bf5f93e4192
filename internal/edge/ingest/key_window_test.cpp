#include "edge/ingest/key_window.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace millrace::edge {
namespace {

using Seen = KeyWindow::Seen;

KeyWindow::Use use(std::string id, std::string data,
                   std::map<std::string, std::string> metadata = {}) {
  return KeyWindow::Use({.id = std::move(id),
                         .timestamp = 1,
                         .source = "s",
                         .payload = std::move(data),
                         .metadata = std::move(metadata)});
}

const Status kRefused(Code::full, "full");
const Status kUnknown(Code::deadline, "late");

TEST_CASE("a repeat is known once the queue has the first") {
  ManualClock clock;
  KeyWindow keys({}, clock);
  CHECK(keys.begin(use("a", "x")) == Seen::first);
  CHECK(keys.begin(use("a", "x")) == Seen::first);  // under way
  keys.end(use("a", "x"), kUnknown);
  CHECK(keys.begin(use("a", "x")) == Seen::first);
  keys.end(use("a", "x"), {});
  CHECK(keys.begin(use("a", "x")) == Seen::stored);
  keys.end(use("a", "x"), kRefused);  // of a repeat that was under way: it is there all the same
  CHECK(keys.begin(use("a", "x")) == Seen::stored);
  CHECK(keys.begin(use("b", "x")) == Seen::first);
}

TEST_CASE("the same key with another body is seen") {
  ManualClock clock;
  KeyWindow keys({}, clock);
  keys.begin(use("a", "x", {{"k", "v"}}));
  for (const auto& other : {use("a", "y"), use("a", "x"), use("a", "x", {{"k", "w"}}),
                            use("a", "x", {{"kv", ""}}), use("a", "", {{"x", "k"}, {"v", ""}})}) {
    CHECK(keys.begin(other) == Seen::other_body);
  }
}

TEST_CASE("a key is free for another body once all its publishes were refused") {
  ManualClock clock;
  KeyWindow keys({}, clock);
  keys.begin(use("a", "x"));
  keys.end(use("a", "x"), kRefused);
  CHECK(keys.begin(use("a", "y")) == Seen::first);
  CHECK(keys.begin(use("a", "x")) == Seen::other_body);
}

TEST_CASE("regression: a refused repeat freed a key that the queue may have") {
  ManualClock clock;
  KeyWindow keys({}, clock);
  keys.begin(use("a", "x"));
  SECTION("the first is under way") {
    keys.begin(use("a", "x"));
    keys.end(use("a", "x"), kRefused);
    CHECK(keys.begin(use("a", "y")) == Seen::other_body);
    keys.end(use("a", "x"), {});
    CHECK(keys.begin(use("a", "x")) == Seen::stored);
  }
  SECTION("the first's outcome is unknown") {
    keys.end(use("a", "x"), kUnknown);
    keys.begin(use("a", "x"));
    keys.end(use("a", "x"), kRefused);
  }
  CHECK(keys.begin(use("a", "y")) == Seen::other_body);
}

TEST_CASE("the outcome of a publish that outlived the window isn't another body's") {
  ManualClock clock;
  KeyWindow keys({.window = std::chrono::minutes(10)}, clock);
  keys.begin(use("a", "x"));
  clock.advance(std::chrono::minutes(21));
  CHECK(keys.begin(use("a", "y")) == Seen::first);
  keys.end(use("a", "x"), {});
  CHECK(keys.begin(use("a", "y")) == Seen::first);
}

TEST_CASE("of two bodies that come under one key at the same time one is taken") {
  constexpr int kThreads = 8;
  constexpr int kKeys = 200;
  ManualClock clock;
  KeyWindow keys({}, clock);
  std::array<std::array<std::atomic<int>, 2>, kKeys> taken{};
  const auto repeat = [&](int thread) {
    const int body = thread % 2;
    for (int i = 0; i < kKeys; ++i) {
      const auto mine = use(std::to_string(i), std::to_string(body));
      const Seen seen = keys.begin(mine);
      if (seen == Seen::other_body) continue;
      ++taken[static_cast<std::size_t>(i)][static_cast<std::size_t>(body)];
      if (seen == Seen::first) keys.end(mine, thread < 2 ? Status() : kUnknown);
    }
  };
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(repeat, thread);
  threads.clear();
  for (const auto& bodies : taken) {
    const int counts[] = {bodies[0], bodies[1]};
    CHECK(std::max(counts[0], counts[1]) == kThreads / 2);
    CHECK(std::min(counts[0], counts[1]) == 0);
  }
}

TEST_CASE("a key is known for a window, and not for more than two") {
  ManualClock clock;
  KeyWindow keys({.window = std::chrono::minutes(10)}, clock);
  keys.begin(use("a", "x"));
  keys.end(use("a", "x"), {});
  clock.advance(std::chrono::minutes(10));
  CHECK(keys.begin(use("a", "x")) == Seen::stored);
  clock.advance(std::chrono::minutes(11));
  CHECK(keys.begin(use("a", "y")) == Seen::first);
}

TEST_CASE("keys are bounded, the newest half is known") {
  ManualClock clock;
  KeyWindow keys({.max = 100}, clock);
  for (int i = 0; i < 1000; ++i) {
    keys.begin(use(std::to_string(i), "x"));
    keys.end(use(std::to_string(i), "x"), {});
  }
  for (int i = 950; i < 1000; ++i) CHECK(keys.begin(use(std::to_string(i), "x")) == Seen::stored);
  CHECK(keys.begin(use("0", "x")) == Seen::first);
}

TEST_CASE("a window of no time knows nothing") {
  ManualClock clock;
  KeyWindow keys({.window = Duration(0)}, clock);
  keys.begin(use("a", "x"));
  keys.end(use("a", "x"), {});
  CHECK(keys.begin(use("a", "y")) == Seen::first);
}

}  // namespace
}  // namespace millrace::edge
