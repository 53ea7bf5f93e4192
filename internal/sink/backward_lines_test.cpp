#include "sink/backward_lines.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "fakes/temp_dir.h"

namespace millrace::sink {
namespace {

std::vector<std::string> backwards(const std::string& content) {
  const fakes::TempDir dir;
  std::ofstream(dir / "f", std::ios::binary) << content;
  auto lines = BackwardLines::open(dir / "f").value();
  std::vector<std::string> all;
  while (const auto line = lines.next()) {
    REQUIRE(content.substr(line->offset, line->text.size()) == line->text);
    all.emplace_back(line->text);
  }
  CHECK_FALSE(lines.next().has_value());
  return all;
}

using Lines = std::vector<std::string>;

TEST_CASE("lines come last first, whatever the file ends with") {
  CHECK(backwards("") == Lines{});
  CHECK(backwards("\n") == Lines{""});
  CHECK(backwards("a") == Lines{"a"});
  CHECK(backwards("a\n") == Lines{"a"});
  CHECK(backwards("a\nb") == Lines{"b", "a"});
  CHECK(backwards("a\nb\n") == Lines{"b", "a"});
  CHECK(backwards("\n\na\n\nb\n") == Lines{"b", "", "a", "", ""});
}

TEST_CASE("lines of any length cross the blocks they are read in") {
  constexpr std::size_t kBlock = 64 * 1024;
  for (const std::size_t size : {kBlock - 2, kBlock - 1, kBlock, kBlock + 1, 3 * kBlock + 7}) {
    std::string content;
    Lines expected;
    for (char c = 'a'; c < 'e'; ++c) {
      expected.insert(expected.begin(), std::string(size, c));
      content += expected.front() + "\n";
    }
    CAPTURE(size);
    CHECK(backwards(content) == expected);
    CHECK(backwards("x\n" + content).back() == "x");
  }
  std::string many;
  for (int i = 0; i < 30'000; ++i) many += std::to_string(i) + "\n";
  const Lines all = backwards(many);
  REQUIRE(all.size() == 30'000);
  CHECK(all.front() == "29999");
  CHECK(all.back() == "0");
}

TEST_CASE("a file that isn't there, or is no file, is an error") {
  CHECK(BackwardLines::open("/nonexistent/f").error().code() == Code::unavailable);
  CHECK(BackwardLines::open("/dev/null").error().code() == Code::unavailable);
}

}  // namespace
}  // namespace millrace::sink
