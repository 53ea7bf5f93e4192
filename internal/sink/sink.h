// Where results go.
#pragma once

#include <span>

#include "base/lifecycle.h"
#include "base/status.h"

namespace diplom::v1 {
class ProcessingResult;
}

namespace millrace::sink {

// Thread-safe: the workers write concurrently. The message id is the idempotency key: a result may
// be written again after a crash, and a reader drops the repeats by id.
class Sink : public Lifecycle {
 public:
  // All or none. Ok means the results survive this process (not a power cut: see flush).
  virtual Status write(std::span<const diplom::v1::ProcessingResult> results) = 0;

  // Ok means that what was written is on the disk or its equal.
  virtual Status flush() = 0;

  // Opens its file anew, for log rotation by others (SIGHUP).
  virtual Status reopen() { return {}; }
};

}  // namespace millrace::sink
