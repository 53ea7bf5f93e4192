// How full the file systems are that the process writes to.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/thread_annotations.h"

namespace millrace::observe {

struct DiskSpace {
  std::uint64_t size_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;  // for us: a part of the rest may be the superuser's
};

// Of the file system that has `path`, or that would have it. Nothing when that can't be told. May
// block for as long as the file system does. Thread-safe.
std::optional<DiskSpace> disk_space(const std::string& path);

// Looks at the file systems of some files, on a thread of its own: one that hangs may not catch
// who wants to know. Thread-safe.
class DiskWatch {
 public:
  using Measure = std::function<std::optional<DiskSpace>(const std::string& path)>;

  // Looks at once, and then again and again, `pause` after the last time.
  explicit DiskWatch(std::vector<std::string> paths, Duration pause = std::chrono::seconds(1),
                     Measure measure = disk_space);
  // Waits for a look that is under way.
  ~DiskWatch();

  // As the last look found it, in the order of the paths; empty before the first is over.
  [[nodiscard]] std::vector<std::optional<DiskSpace>> latest() const EXCLUDES(mutex_);
  // How long the look under way has lasted; 0 when there is none.
  [[nodiscard]] Duration looking_for() const EXCLUDES(mutex_);

 private:
  void run(const std::stop_token& stop) EXCLUDES(mutex_);
  void look() EXCLUDES(mutex_);

  const std::vector<std::string> paths_;
  const Duration pause_;
  const Measure measure_;
  mutable Mutex mutex_;
  std::condition_variable stopped_;
  std::vector<std::optional<DiskSpace>> latest_ GUARDED_BY(mutex_);
  std::optional<Time> looking_since_ GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses the members above
};

}  // namespace millrace::observe
