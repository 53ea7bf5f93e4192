#include "observe/disk.h"

#include <filesystem>
#include <sys/statvfs.h>

#include "base/wake_at_stop.h"

namespace millrace::observe {

std::optional<DiskSpace> disk_space(const std::string& path) {
  struct statvfs found {};
  if (::statvfs(path.c_str(), &found) != 0) {
    // Not there yet: where it would be made.
    const auto folder = std::filesystem::path(path).parent_path();
    if (::statvfs(folder.empty() ? "." : folder.c_str(), &found) != 0) return std::nullopt;
  }
  return DiskSpace{.size_bytes = found.f_blocks * found.f_frsize,
                   .used_bytes = (found.f_blocks - found.f_bfree) * found.f_frsize,
                   .free_bytes = found.f_bavail * found.f_frsize};
}

DiskWatch::DiskWatch(std::vector<std::string> paths, Duration pause, Measure measure)
    : paths_(std::move(paths)),
      pause_(pause),
      measure_(std::move(measure)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

DiskWatch::~DiskWatch() = default;

void DiskWatch::run(const std::stop_token& stop) {
  const auto wake = wake_at_stop(stop, mutex_, stopped_);
  while (!stop.stop_requested()) {
    look();
    const Time again_at = std::chrono::steady_clock::now() + pause_;
    MutexLock lock(mutex_);
    while (!stop.stop_requested() && lock.wait_until(stopped_, again_at)) {
    }
  }
}

void DiskWatch::look() {
  {
    const MutexLock lock(mutex_);
    looking_since_ = std::chrono::steady_clock::now();
  }
  std::vector<std::optional<DiskSpace>> found;
  for (const std::string& path : paths_) found.push_back(measure_(path));
  const MutexLock lock(mutex_);
  latest_ = std::move(found);
  looking_since_.reset();
}

std::vector<std::optional<DiskSpace>> DiskWatch::latest() const {
  const MutexLock lock(mutex_);
  return latest_;
}

Duration DiskWatch::looking_for() const {
  const MutexLock lock(mutex_);
  return looking_since_ ? std::chrono::steady_clock::now() - *looking_since_ : Duration(0);
}

}  // namespace millrace::observe
