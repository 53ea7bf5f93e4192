#include "sink/append_file.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "observe/log.h"

namespace millrace::sink {
namespace {

// Each worker in turn may wait so long, all of them within what a shutdown has for it.
constexpr std::chrono::milliseconds kLockWait{50};

// Calls again when a signal interrupted it.
template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// flock(2) with a bound: who holds it for longer than an append takes may hold it for ever. By the
// clock: on a busy machine a pause of a millisecond is many.
bool lock_within(int fd, std::chrono::milliseconds limit) {
  const Time deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    if (retried([fd] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0) return true;
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= deadline) return false;
    ::poll(nullptr, 0, 1);
  }
}

// An exclusive lock for a scope, against other processes that append to the same file.
class FileLock {
 public:
  explicit FileLock(int fd) : fd_(fd), held_(lock_within(fd, kLockWait)) {}
  ~FileLock() {
    if (held_) ::flock(fd_, LOCK_UN);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  [[nodiscard]] bool held() const { return held_; }

 private:
  const int fd_;
  const bool held_;
};

bool ends_in_mid_line(int fd, off_t size) {
  char last = '\n';
  return size > 0 && retried([&] { return ::pread(fd, &last, 1, size - 1); }) == 1 && last != '\n';
}

// "20260102T030405Z"
std::string utc_stamp(const Clock& clock) {
  const std::time_t now_s = clock.unix_seconds();
  std::tm utc{};
  ::gmtime_r(&now_s, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc)};
}

}  // namespace

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Status AppendFile::failure(std::string_view what, int error) const {
  return {Code::unavailable,
          options_.path + ": " + std::string(what) + ": " + std::generic_category().message(error)};
}

Status AppendFile::open() {
  MutexLock lock(mutex_);
  return open_locked();
}

Status AppendFile::reopen() {
  MutexLock lock(mutex_);
  // The old file is somebody else's from now on: leave it complete.
  if (Status status = sync_locked(); !status.ok()) {
    observe::warn("file not synced before reopening", {{"error", status.text()}});
  }
  return open_locked();
}

Status AppendFile::open_locked() {
  constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
  constexpr mode_t kMode = 0640;  // results and dead letters may hold what not everybody may read
  FileDescriptor file(retried([this] { return ::open(options_.path.c_str(), kFlags, kMode); }));
  if (!file.is_open()) return failure("can't be opened for writing", errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return failure("can't be examined", errno);
  file_ = std::move(file);
  regular_ = S_ISREG(info.st_mode);
  return {};
}

Status AppendFile::append(std::string_view lines) {
  if (lines.empty()) return {};
  MutexLock lock(mutex_);
  if (!file_.is_open()) return {Code::unavailable, options_.path + ": not open"};
  if (Status status = rotate_if_full(lines.size()); !status.ok()) {
    // Better a file beyond its bound than a result that isn't kept.
    static observe::Throttle throttle(std::chrono::seconds(10));
    if (auto pass = throttle.pass()) {
      observe::warn("file not rotated",
                    {{"error", status.text()}, {"suppressed", pass.suppressed}});
    }
  }
  return write_all(lines);
}

Status AppendFile::rotate_if_full(std::uint64_t more_bytes) {
  if (!regular_ || options_.max_bytes == 0) return {};
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return failure("can't be examined", errno);
  if (info.st_size == 0) return {};
  if (static_cast<std::uint64_t>(info.st_size) + more_bytes <= options_.max_bytes) return {};
  return rotate();
}

Status AppendFile::rotate() {
  {
    FileLock lock(file_.get());
    if (!lock.held()) return failure("can't be locked", errno);
    struct stat open_file {};
    struct stat at_path {};
    const bool still_at_path =
        ::fstat(file_.get(), &open_file) == 0 && ::stat(options_.path.c_str(), &at_path) == 0 &&
        open_file.st_ino == at_path.st_ino && open_file.st_dev == at_path.st_dev;
    // Otherwise somebody else rotated it: there is nothing to rename, only to open anew.
    while (still_at_path) {
      const std::string kept =
          options_.path + "." + utc_stamp(*options_.clock) + "-" + std::to_string(++rotations_);
      if (::renameat2(AT_FDCWD, options_.path.c_str(), AT_FDCWD, kept.c_str(), RENAME_NOREPLACE) ==
          0) {
        observe::info("file rotated", {{"path", options_.path}, {"kept", kept}});
        break;
      }
      if (errno != EEXIST) return failure("can't be renamed to " + kept, errno);
    }
  }
  if (Status status = sync_locked(); !status.ok()) return status;
  return open_locked();
}

Status AppendFile::write_all(std::string_view text) {
  const int fd = file_.get();
  FileLock lock(fd);
  if (!lock.held()) return failure("can't be locked", errno);
  struct stat before {};
  if (::fstat(fd, &before) != 0) return failure("can't be examined", errno);
  const bool torn = regular_ && ends_in_mid_line(fd, before.st_size);
  const std::string healed = torn ? "\n" + std::string(text) : std::string();
  if (torn) text = healed;
  while (!text.empty()) {
    const ssize_t written = retried([&] { return ::write(fd, text.data(), text.size()); });
    if (written <= 0) {
      const int error = written < 0 ? errno : EIO;
      if (regular_ && ::ftruncate(fd, before.st_size) != 0) {
        observe::error("half a batch stays in the file",
                       {{"path", options_.path},
                        {"bytes_before", before.st_size},
                        {"error", std::generic_category().message(errno)}});
      }
      return failure("can't be written", error);
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status AppendFile::sync() {
  MutexLock lock(mutex_);
  return sync_locked();
}

Status AppendFile::sync_locked() {
  if (!file_.is_open() || !regular_) return {};
  if (::fdatasync(file_.get()) != 0) return failure("can't be synced to the disk", errno);
  return {};
}

}  // namespace millrace::sink
