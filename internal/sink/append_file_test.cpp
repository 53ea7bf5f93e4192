#include "sink/append_file.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "fakes/temp_dir.h"

namespace millrace::sink {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using fakes::read_file;
using fakes::split_lines;
using fakes::TempDir;

// Files of this process can't grow beyond `bytes` while it lives: a disk that runs full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

void spill(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST_CASE("AppendFile appends to what is there") {
  const TempDir dir;
  spill(dir / "f", "old\n");
  AppendFile file({.path = dir / "f"});
  REQUIRE(file.open().ok());
  REQUIRE(file.append("a\nb\n").ok());
  REQUIRE(file.append("").ok());
  REQUIRE(file.sync().ok());
  CHECK(read_file(dir / "f") == "old\na\nb\n");
}

TEST_CASE("AppendFile: a file that can't be opened is named with the reason") {
  AppendFile file({.path = "/nonexistent/results.ndjson"});
  const Status status = file.open();
  CHECK(status.code() == Code::unavailable);
  CHECK_THAT(status.text(), StartsWith("/nonexistent/results.ndjson: "));
  CHECK_THAT(status.text(), Contains("No such file or directory"));
  CHECK(file.append("x\n").code() == Code::unavailable);
}

TEST_CASE("AppendFile gives a torn last line its newline") {
  const TempDir dir;
  spill(dir / "f", "whole\n{\"torn\":");
  AppendFile file({.path = dir / "f"});
  REQUIRE(file.open().ok());
  REQUIRE(file.append("next\n").ok());
  CHECK(read_file(dir / "f") == "whole\n{\"torn\":\nnext\n");
}

TEST_CASE("AppendFile: no space is an error with its name") {
  AppendFile file({.path = "/dev/full"});
  REQUIRE(file.open().ok());
  const Status status = file.append("x\n");
  CHECK(status.code() == Code::unavailable);
  CHECK(status.retryable());
  CHECK_THAT(status.text(), Contains("/dev/full: can't be written: No space left on device"));
}

TEST_CASE("AppendFile: a write that fails half way leaves nothing of it") {
  const TempDir dir;
  AppendFile file({.path = dir / "f"});
  REQUIRE(file.open().ok());
  REQUIRE(file.append("first\n").ok());
  {
    const FullDisk full(10);  // 4 bytes of the next batch fit
    const Status status = file.append("second\nthird\n");
    CHECK(status.code() == Code::unavailable);
    CHECK_THAT(status.text(), Contains("File too large"));
    CHECK(read_file(dir / "f") == "first\n");
  }
  REQUIRE(file.append("second\nthird\n").ok());
  CHECK(read_file(dir / "f") == "first\nsecond\nthird\n");
}

TEST_CASE("AppendFile rotates before the text that wouldn't fit, and keeps all files") {
  const TempDir dir;
  const ManualClock clock(1'767'323'045'000);
  AppendFile file({.path = dir / "f", .max_bytes = 8, .clock = &clock});
  REQUIRE(file.open().ok());
  REQUIRE(file.append("aaa\nbbb\n").ok());
  REQUIRE(file.append("ccc\n").ok());
  REQUIRE(file.append("a text larger than the bound goes into a file of its own\n").ok());
  REQUIRE(file.append("ddd\n").ok());
  CHECK(dir.names() == std::vector<std::string>{"f", "f.20260102T030405Z-1", "f.20260102T030405Z-2",
                                                "f.20260102T030405Z-3"});
  CHECK(read_file(dir / "f.20260102T030405Z-1") == "aaa\nbbb\n");
  CHECK(read_file(dir / "f.20260102T030405Z-2") == "ccc\n");
  CHECK(read_file(dir / "f") == "ddd\n");
}

TEST_CASE("AppendFile never rotates onto a file that exists") {
  const TempDir dir;
  const ManualClock clock(1'767'323'045'000);
  spill(dir / "f.20260102T030405Z-1", "of an earlier process\n");
  AppendFile file({.path = dir / "f", .max_bytes = 4, .clock = &clock});
  REQUIRE(file.open().ok());
  REQUIRE(file.append("aaa\n").ok());
  REQUIRE(file.append("bbb\n").ok());
  CHECK(read_file(dir / "f.20260102T030405Z-1") == "of an earlier process\n");
  CHECK(read_file(dir / "f.20260102T030405Z-2") == "aaa\n");
}

TEST_CASE("AppendFile follows a rotation by another handle instead of rotating again") {
  const TempDir dir;
  AppendFile one({.path = dir / "f", .max_bytes = 8});
  AppendFile two({.path = dir / "f", .max_bytes = 8});
  REQUIRE(one.open().ok());
  REQUIRE(two.open().ok());
  REQUIRE(one.append("aaa\nbbb\n").ok());
  REQUIRE(one.append("ccc\n").ok());  // rotates
  REQUIRE(two.append("ddd\n").ok());
  CHECK(dir.names().size() == 2);
  CHECK(read_file(dir / "f") == "ccc\nddd\n");
}

TEST_CASE("AppendFile: when it can't rotate it goes on in the same file") {
  const TempDir dir;
  const std::string long_name(250, 'x');  // no room in a name for the stamp
  AppendFile file({.path = dir / long_name, .max_bytes = 4});
  REQUIRE(file.open().ok());
  REQUIRE(file.append("aaa\n").ok());
  REQUIRE(file.append("bbb\n").ok());
  CHECK(read_file(dir / long_name) == "aaa\nbbb\n");
}

TEST_CASE("AppendFile::reopen follows a rename by somebody else") {
  const TempDir dir;
  AppendFile file({.path = dir / "f"});
  REQUIRE(file.open().ok());
  REQUIRE(file.append("a\n").ok());
  std::filesystem::rename(dir / "f", dir / "f.1");
  REQUIRE(file.append("b\n").ok());  // still the old file
  REQUIRE(file.reopen().ok());
  REQUIRE(file.append("c\n").ok());
  CHECK(read_file(dir / "f.1") == "a\nb\n");
  CHECK(read_file(dir / "f") == "c\n");
}

TEST_CASE("AppendFile::reopen that fails keeps the old file") {
  const TempDir dir;
  std::filesystem::create_directory(dir / "d");
  AppendFile file({.path = dir / "d/f"});
  REQUIRE(file.open().ok());
  std::filesystem::rename(dir / "d", dir / "e");
  CHECK(file.reopen().code() == Code::unavailable);
  REQUIRE(file.append("a\n").ok());
  CHECK(read_file(dir / "e/f") == "a\n");
}

TEST_CASE("AppendFile: concurrent writers, of two handles, rotate and lose no line") {
  constexpr int kWriters = 4;
  constexpr int kBatches = 200;
  const TempDir dir;
  AppendFile one({.path = dir / "f", .max_bytes = 500});
  AppendFile two({.path = dir / "f", .max_bytes = 500});  // as a second process would
  REQUIRE(one.open().ok());
  REQUIRE(two.open().ok());
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&file = w % 2 == 0 ? one : two, w] {
        for (int b = 0; b < kBatches; ++b) {
          const std::string id = std::to_string(w) + "-" + std::to_string(b);
          if (!file.append(id + "-x\n" + id + "-y\n").ok()) return;  // counted as lost below
        }
      });
    }
  }
  std::multiset<std::string> lines;
  for (const std::string& name : dir.names()) {
    for (std::string& line : split_lines(read_file(dir / name))) lines.insert(std::move(line));
  }
  CHECK(lines.size() == kWriters * kBatches * 2);
  CHECK(std::set<std::string>(lines.begin(), lines.end()).size() == lines.size());
  CHECK(lines.count("3-199-y") == 1);
  CHECK(dir.names().size() > 10);
}

}  // namespace
}  // namespace millrace::sink
