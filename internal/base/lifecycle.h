// The verbs of starting and stopping, the same on every part, so that `app` can drain in flow
// order.
#pragma once

#include "base/clock.h"
#include "base/status.h"

namespace millrace {

// Called by one thread, in the order of declaration; abort() may come at any time after start().
class Lifecycle {
 public:
  virtual ~Lifecycle() = default;

  // Ready to work when it returns ok; otherwise nothing was started.
  virtual Status start() { return {}; }

  // Refuses new work with Code::closed from now on. Doesn't block.
  virtual void stop_accepting() {}

  // Blocks until everything in flight is finished, at most until `deadline`; Code::deadline, with
  // what is left, when it isn't. Requires stop_accepting().
  virtual Status drain(Time /*deadline*/) { return {}; }

  // Gives up what is in flight; every waiting callback is told so. Doesn't block for long.
  virtual void abort() {}
};

}  // namespace millrace
