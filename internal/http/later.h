// A task on a reactor, a while from now.
#pragma once

#include "base/clock.h"
#include "base/unique_function.h"

namespace millrace::http {

class Reactor;

// Runs `task` on that reactor's thread, `pause` from now, unless its loop has ended by then.
// Thread-safe.
void post_after(Reactor& reactor, Duration pause, UniqueFunction<void()> task);

}  // namespace millrace::http
