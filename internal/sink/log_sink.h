// SINK=log: a log line per result, at info: its id and whether it succeeded, never what is in it.
#pragma once

#include "sink/sink.h"

namespace millrace::sink {

class LogSink final : public Sink {
 public:
  Status write(std::span<const diplom::v1::ProcessingResult> results) override;
  Status flush() override { return {}; }
};

}  // namespace millrace::sink
