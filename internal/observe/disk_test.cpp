#include "observe/disk.h"

#include <catch2/catch.hpp>

#include "fakes/temp_dir.h"

namespace millrace::observe {
namespace {

TEST_CASE("the space of a file's disk, whether the file is there or not") {
  const fakes::TempDir folder;
  for (const std::string& path : {folder / "not-yet.ndjson", folder / "", std::string("here")}) {
    const auto space = disk_space(path);
    REQUIRE(space);
    CHECK(space->size_bytes > 0);
    CHECK(space->used_bytes + space->free_bytes <= space->size_bytes);
  }
}

TEST_CASE("where there is no folder there is no disk") {
  const fakes::TempDir folder;
  CHECK(disk_space(folder / "none/file") == std::nullopt);
}

// Hands out a number with each look, once somebody lets it.
struct Gate {
  DiskWatch::Measure measure() {
    return [this](const std::string& path) -> std::optional<DiskSpace> {
      if (path == "unknown") return std::nullopt;
      {
        MutexLock lock(mutex);
        asked = true;
        changed.notify_all();
        while (!open) lock.wait(changed);
      }
      return DiskSpace{.size_bytes = 10, .used_bytes = 7, .free_bytes = 3};
    };
  }
  void await_look() {
    MutexLock lock(mutex);
    while (!asked) lock.wait(changed);
  }
  void let_go() {
    const MutexLock lock(mutex);
    open = true;
    changed.notify_all();
  }

  Mutex mutex;
  std::condition_variable changed;
  bool asked = false;
  bool open = false;
};

TEST_CASE("a disk that hangs holds up nobody who asks, and is seen to hang") {
  Gate gate;
  DiskWatch watch({"some", "unknown"}, std::chrono::milliseconds(1), gate.measure());
  gate.await_look();
  CHECK(watch.latest().empty());
  CHECK(watch.looking_for() > Duration(0));
  gate.let_go();
  while (watch.latest().empty()) std::this_thread::yield();
  const auto found = watch.latest();
  REQUIRE(found.size() == 2);
  REQUIRE(found[0]);
  CHECK(found[0]->free_bytes == 3);
  CHECK_FALSE(found[1]);
}

TEST_CASE("its end doesn't wait for the next look") {
  const auto began = std::chrono::steady_clock::now();
  { const DiskWatch watch({"."}, std::chrono::minutes(10)); }
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::minutes(1));
}

}  // namespace
}  // namespace millrace::observe
