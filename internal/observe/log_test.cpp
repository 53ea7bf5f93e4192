#include "observe/log.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

namespace millrace::observe {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// Takes the lines of its lifetime; leaves the log as it found it.
class Captured {
 public:
  explicit Captured(Level level = Level::debug) {
    init_log("test", level);
    capture_log(&text_);
  }
  ~Captured() {
    capture_log(nullptr);
    init_log("millrace", Level::info);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  [[nodiscard]] const std::string& text() const { return text_; }

  [[nodiscard]] std::vector<json> lines() const {
    std::vector<json> lines;
    std::istringstream stream(text_);
    for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
    return lines;
  }

 private:
  std::string text_;
};

TEST_CASE("a line is one JSON object with its fields in order") {
  Captured captured;
  warn("upstream lost", {{"upstream", "http://localhost:8082"}, {"attempt", 2}});
  const std::string& text = captured.text();
  const std::string after_time = text.substr(text.find(R"(","level")"));
  CHECK(after_time == R"(","level":"warn","service":"test","event":"upstream lost",)"
                      R"("upstream":"http://localhost:8082","attempt":2})"
                      "\n");
}

TEST_CASE("the time is UTC with milliseconds") {
  const std::int64_t before_s = system_clock().unix_seconds();
  Captured captured;
  info("now");
  const std::string ts = captured.lines().at(0).at("ts");
  REQUIRE(ts.size() == std::string_view("2026-01-02T03:04:05.678Z").size());
  CHECK(ts[10] == 'T');
  CHECK(ts[19] == '.');
  CHECK(ts[23] == 'Z');
  std::tm parts{};
  REQUIRE(::strptime(ts.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == ts.c_str() + 19);
  const std::int64_t logged_s = ::timegm(&parts);
  CHECK(logged_s >= before_s);
  CHECK(logged_s <= before_s + 60);
}

TEST_CASE("each type of value keeps its JSON type") {
  Captured captured;
  info("types", {{"text", std::string("t")},
                 {"view", std::string_view("v")},
                 {"yes", true},
                 {"min", INT64_MIN},
                 {"max", UINT64_MAX},
                 {"half", 0.5},
                 {"nan", std::nan("")},
                 {"byte", std::uint8_t{255}}});
  const json line = captured.lines().at(0);
  CHECK(line.at("text") == "t");
  CHECK(line.at("view") == "v");
  CHECK(line.at("yes") == true);
  CHECK(line.at("min") == INT64_MIN);
  CHECK(line.at("max") == UINT64_MAX);
  CHECK(line.at("half") == 0.5);
  CHECK(line.at("nan").is_null());
  CHECK(line.at("byte") == 255);
}

TEST_CASE("nasty values and keys stay one valid line") {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes.push_back(static_cast<char>(byte));
  const std::vector<std::string> nasty = {"",
                                          "\"}\n{\"level\":\"error\"",
                                          std::string("nul\0byte", 8),
                                          "\x1b[31mred",
                                          "\\",
                                          "\xc3",
                                          "\xed\xa0\x80",
                                          "\xf4\x90\x80\x80",
                                          "\xc0\x80",
                                          "\xff\xfe",
                                          "ünïcode \xf0\x9f\x8c\xbe",
                                          "\xe2\x80\xa8",
                                          all_bytes};
  for (const std::string& value : nasty) {
    Captured captured;
    log(Level::info, value, {{"value", value}, {"k" + value, 1}});
    REQUIRE(captured.lines().size() == 1);
    const std::string& text = captured.text();
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      REQUIRE(static_cast<unsigned char>(text[i]) >= 0x20);
    }
    CHECK(captured.lines()[0].at("level") == "info");
  }
}

TEST_CASE("valid UTF-8 is kept and invalid replaced") {
  Captured captured;
  info("e", {{"good", "zażółć \xf0\x9f\x8c\xbe"},
             {"bad",
              "a\xff"
              "b"}});
  CHECK(captured.lines().at(0).at("good") == "zażółć \xf0\x9f\x8c\xbe");
  CHECK(captured.lines().at(0).at("bad") ==
        "a\xef\xbf\xbd"
        "b");
}

TEST_CASE("lines below the level stay in") {
  for (const Level level : {Level::debug, Level::info, Level::warn, Level::error, Level::off}) {
    Captured captured(level);
    debug("d");
    info("i");
    warn("w");
    error("e");
    CHECK(captured.lines().size() == 4 - static_cast<std::size_t>(level));
    CHECK(enabled(Level::error) == (level != Level::off));
    CHECK_FALSE(enabled(Level::off));
  }
}

TEST_CASE("lines of many threads stay whole") {
  Captured captured;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) info("line", {{"thread", t}, {"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<json> lines = captured.lines();
  CHECK(lines.size() == 800);
}

TEST_CASE("a throttle passes once a period and tells what it held back") {
  ManualClock clock;
  Throttle throttle(1s, clock);
  Throttle::Pass pass = throttle.pass();
  CHECK(pass);
  CHECK(pass.suppressed == 0);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(throttle.pass());
  clock.advance(1s - 1ns);
  CHECK_FALSE(throttle.pass());
  clock.advance(1ns);
  pass = throttle.pass();
  CHECK(pass);
  CHECK(pass.suppressed == 6);
  CHECK_FALSE(throttle.pass());
  clock.advance(10s);
  CHECK(throttle.pass().suppressed == 1);
}

TEST_CASE("a throttle's sums hold under many threads") {
  constexpr int kThreads = 4;
  constexpr int kCalls = 5000;
  ManualClock clock;
  Throttle throttle(1us, clock);
  std::atomic<std::uint64_t> passed{0};
  std::atomic<std::uint64_t> suppressed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i) {
        clock.advance(10ns);
        if (const auto pass = throttle.pass()) {
          ++passed;
          suppressed += pass.suppressed;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  clock.advance(1s);
  const auto last = throttle.pass();
  REQUIRE(last);
  CHECK(passed + suppressed + last.suppressed == kThreads * kCalls);
  // 200 µs went by on the clock: a pass per period, and the first.
  CHECK(passed <= kThreads * kCalls / 100 + 1);
}

}  // namespace
}  // namespace millrace::observe
