// What is done with a message. Retry, timeout and the exception barrier are not its business.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <variant>

#include "base/clock.h"

namespace diplom::v1 {
class DataMessage;
}

namespace millrace::worker {

struct Context {
  std::uint32_t attempt = 1;  // counts from 1
  Time deadline;              // a handler that runs longer is reported as stuck
  std::stop_token stop;       // requested at shutdown: come to an end soon
};

struct Done {
  std::string result;  // becomes ProcessingResult.result
};

struct RetryLater {
  Duration after{};  // zero: the pool's own backoff
  std::string why;
};

// Can't succeed, however often it is tried: a dead letter.
struct Reject {
  std::string why;
};

using Outcome = std::variant<Done, RetryLater, Reject>;

// Thread-safe: all workers share one. It never sees a Delivery, so it can't settle one. An
// exception that leaves it counts as RetryLater with its text.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Outcome handle(const diplom::v1::DataMessage& message, const Context& context) = 0;
};

}  // namespace millrace::worker
