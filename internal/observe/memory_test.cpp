#include "observe/memory.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "fakes/temp_dir.h"

namespace millrace::observe {
namespace {

constexpr std::uint64_t kMachine = 8'000'000 * std::uint64_t{1024};

// A machine made of a few files.
struct Machine {
  explicit Machine(const std::string& cgroup) {
    put("proc/meminfo", "MemFree:  12 kB\nMemTotal:     8000000 kB\nBuffers: 3 kB\n");
    put("proc/self/cgroup", cgroup);
  }
  void put(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = root / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  [[nodiscard]] std::optional<std::uint64_t> limit() const {
    return memory_limit_bytes(root / ".");
  }

  fakes::TempDir root;
};

const std::string kTwo = "sys/fs/cgroup/";
const std::string kOne = "sys/fs/cgroup/memory/";

TEST_CASE("without a group's limit it is the machine's memory") {
  const Machine machine("0::/user.slice/session\n");
  CHECK(machine.limit() == kMachine);
  machine.put(kTwo + "user.slice/session/memory.max", "max\n");
  CHECK(machine.limit() == kMachine);
}

TEST_CASE("cgroup version 2: the smallest on the way up") {
  const Machine machine("0::/a/b/c\n");
  machine.put(kTwo + "a/memory.max", "1000000\n");
  machine.put(kTwo + "a/b/c/memory.max", "max\n");
  CHECK(machine.limit() == 1'000'000);
  machine.put(kTwo + "a/b/memory.max", "500000\n");
  CHECK(machine.limit() == 500'000);
  machine.put(kTwo + "a/b/c/memory.max", "700000\n");
  CHECK(machine.limit() == 500'000);
  machine.put(kTwo + "a/b/c/memory.max", "300000\n");
  CHECK(machine.limit() == 300'000);
}

TEST_CASE("cgroup version 2: a container of its own is the root") {
  const Machine machine("0::/\n");
  machine.put(kTwo + "memory.max", "268435456\n");
  CHECK(machine.limit() == 268'435'456);
}

TEST_CASE("cgroup version 1, whose unlimited is a large number") {
  const Machine machine("9:name=systemd:/\n4:cpu,memory:/docker/x\n0::/elsewhere\n");
  machine.put(kTwo + "elsewhere/memory.max", "1000\n");
  machine.put(kOne + "docker/x/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(machine.limit() == kMachine);
  machine.put(kOne + "docker/x/memory.limit_in_bytes", "2000000\n");
  CHECK(machine.limit() == 2'000'000);
}

TEST_CASE("cgroup version 1: the smallest on the way up") {
  const Machine machine("4:memory:/docker/x\n");
  machine.put(kOne + "docker/x/memory.limit_in_bytes", "3000000\n");
  machine.put(kOne + "docker/memory.limit_in_bytes", "2000000\n");
  machine.put(kOne + "memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(machine.limit() == 2'000'000);
}

TEST_CASE("cgroup version 1: a container sees its own folder as the mount") {
  const Machine machine("4:memory:/docker/x\n");
  machine.put(kOne + "memory.limit_in_bytes", "3000000\n");
  CHECK(machine.limit() == 3'000'000);
}

TEST_CASE("a limit beyond the machine's memory is none") {
  const Machine machine("0::/a\n");
  machine.put(kTwo + "a/memory.max", "99999999999999\n");
  CHECK(machine.limit() == kMachine);
}

TEST_CASE("a machine that says nothing has no limit") {
  const fakes::TempDir empty;
  CHECK(memory_limit_bytes(empty / "") == std::nullopt);
}

TEST_CASE("this process is within its limit") {
  const auto resident = resident_bytes();
  const auto limit = memory_limit_bytes();
  REQUIRE(resident);
  REQUIRE(limit);
  CHECK(*resident > 100'000);
  CHECK(*resident < *limit);
}

}  // namespace
}  // namespace millrace::observe
