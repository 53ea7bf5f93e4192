// A test aid, HANDLER=faulty: does what the message's metadata key "fault" says, so that a test of
// the whole pipeline can bring about each way a handler may fail.
#pragma once

#include "worker/handler.h"

namespace millrace::worker {

//   (no such key)   the result is the payload
//   throw           an exception leaves the handler
//   retry           RetryLater, at every attempt
//   retry-until:N   RetryLater before attempt N, then as without a fault
//   reject          Reject
//   slow:MS         MS milliseconds, or until the stop is requested, then as without a fault
//   hang            never returns, whatever is requested
//   anything else   Reject
class FaultHandler final : public Handler {
 public:
  Outcome handle(const diplom::v1::DataMessage& message, const Context& context) override;
};

}  // namespace millrace::worker
