#include "sink/backward_lines.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::sink {
namespace {
constexpr std::uint64_t kBlock = 64 * 1024;
}  // namespace

Result<BackwardLines> BackwardLines::open(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) {
    return Status(Code::unavailable, path + ": " + std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) return Status(Code::unavailable, path + ": not a regular file");
  return BackwardLines(std::move(file), static_cast<std::uint64_t>(status.st_size));
}

bool BackwardLines::read_more() {
  const std::uint64_t size = std::min(kBlock, begin_);
  if (size == 0) return false;
  std::string block(size, '\0');
  const auto offset = static_cast<off_t>(begin_ - size);
  const ssize_t got = ::pread(file_.get(), block.data(), size, offset);
  if (got != static_cast<ssize_t>(size)) return false;
  begin_ -= size;
  buffer_.insert(0, block);
  return true;
}

std::optional<BackwardLines::Line> BackwardLines::next() {
  if (!started_) {
    started_ = true;
    if (!read_more()) return std::nullopt;
    if (buffer_.back() == '\n') buffer_.pop_back();
  } else if (buffer_.empty() && begin_ == 0) {
    return std::nullopt;
  } else {
    // What is left ends with the newline of the line before.
    if (buffer_.empty() && !read_more()) return std::nullopt;
    buffer_.pop_back();
  }
  // Only what is new is searched: a long line isn't looked through again with each block.
  std::size_t searched_to = buffer_.size();
  std::size_t newline = buffer_.npos;
  for (;;) {
    newline = searched_to == 0 ? buffer_.npos : buffer_.rfind('\n', searched_to - 1);
    if (newline != buffer_.npos) break;
    const std::size_t before = buffer_.size();
    if (!read_more()) {
      if (begin_ > 0) return std::nullopt;
      break;
    }
    searched_to = buffer_.size() - before;
  }
  const std::size_t start = newline == buffer_.npos ? 0 : newline + 1;
  line_ = buffer_.substr(start);
  buffer_.resize(start);
  return Line{begin_ + start, line_};
}

}  // namespace millrace::sink
