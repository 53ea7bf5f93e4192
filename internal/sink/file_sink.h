// SINK=file: a line per result, its diplom.v1.ProcessingResult in protobuf's JSON form. One
// write(2) per batch; how the file is kept whole and rotated stands in append_file.h.
#pragma once

#include "sink/append_file.h"
#include "sink/sink.h"

namespace millrace::sink {

class FileSink final : public Sink {
 public:
  explicit FileSink(AppendFileOptions options) : file_(std::move(options)) {}

  // Opens the file; Code::unavailable says which file and why not.
  Status start() override { return file_.open(); }

  Status write(std::span<const diplom::v1::ProcessingResult> results) override;
  Status flush() override { return file_.sync(); }
  Status reopen() override { return file_.reopen(); }

 private:
  AppendFile file_;
};

}  // namespace millrace::sink
