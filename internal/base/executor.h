// Where a callback runs. Parts that must not call back inline (a producer's `done`) take one.
#pragma once

#include "base/unique_function.h"

namespace millrace {

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` exactly once, later, never inside this call. Thread-safe. Tasks posted by one
  // thread run in their order.
  virtual void post(UniqueFunction<void()> task) = 0;
};

}  // namespace millrace
