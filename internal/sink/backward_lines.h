// The lines of a file, the last one first, without reading more of it than is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "sink/append_file.h"

namespace millrace::sink {

// Sees the file as it is now; what is appended later isn't seen. Not thread-safe.
class BackwardLines {
 public:
  // Code::unavailable with the reason when the file can't be read.
  static Result<BackwardLines> open(const std::string& path);

  struct Line {
    std::uint64_t offset;   // of its first byte
    std::string_view text;  // without the newline; until the next call
  };
  // Nothing at the file's beginning, or when it can't be read any more. What follows the last
  // newline, if anything, is the first line: a torn one.
  std::optional<Line> next();

 private:
  BackwardLines(FileDescriptor file, std::uint64_t size) : file_(std::move(file)), begin_(size) {}
  bool read_more();

  FileDescriptor file_;
  std::uint64_t begin_;  // where buffer_ begins in the file
  std::string buffer_;   // what was read and not handed out, from the line before on
  std::string line_;
  bool started_ = false;
};

}  // namespace millrace::sink
