// A file that only grows: whole texts are appended, all or none, and it is rotated by size without
// losing a byte. The file sink and the dead letters write through it.
//
// Each append is one write(2) with O_APPEND under flock(2), so that two processes may share the
// file. What a failed write left behind is cut off again. When the file ends in the middle of a
// line, as a crash leaves it, the next append begins with the missing newline.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_annotations.h"

namespace millrace::sink {

// Owns a descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct AppendFileOptions {
  std::string path;
  // A text that would make the file larger than this starts a new one; 0: never. The full file is
  // kept as "<path>.<UTC time>-<n>"; nothing is ever deleted.
  std::uint64_t max_bytes = 0;
  const Clock* clock = &system_clock();  // for the names of rotated files
};

// Thread-safe.
class AppendFile {
 public:
  explicit AppendFile(AppendFileOptions options) : options_(std::move(options)) {}

  // Code::unavailable, naming the file and the reason, when it can't be opened for writing.
  Status open();

  // Appends `lines`, which end in a newline. Code::unavailable with the reason when it couldn't (no
  // space, not open): then nothing of it is in the file, and the same text may be tried again.
  Status append(std::string_view lines);

  // Ok means that what was appended is on the disk.
  Status sync();

  // Opens the path anew, for somebody else renamed the file. When that fails the old one stays
  // open.
  Status reopen();

  [[nodiscard]] const std::string& path() const { return options_.path; }

 private:
  Status open_locked() REQUIRES(mutex_);
  Status rotate_if_full(std::uint64_t more_bytes) REQUIRES(mutex_);
  Status rotate() REQUIRES(mutex_);
  Status write_all(std::string_view text) REQUIRES(mutex_);
  Status sync_locked() REQUIRES(mutex_);
  [[nodiscard]] Status failure(std::string_view what, int error) const;

  const AppendFileOptions options_;

  Mutex mutex_;
  FileDescriptor file_ GUARDED_BY(mutex_);
  // False for a pipe or a device: it has no size to rotate by and no end to cut off.
  bool regular_ GUARDED_BY(mutex_) = false;
  std::uint64_t rotations_ GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::sink
