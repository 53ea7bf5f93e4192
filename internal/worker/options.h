// The pool's settings, all bounds included.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "worker/backoff.h"

namespace millrace::worker {

struct PoolOptions {
  std::size_t workers = 4;         // at least 1
  std::size_t batch_max = 64;      // messages a worker takes at once
  std::uint32_t max_attempts = 3;  // then a dead letter
  Backoff backoff{};               // before a message's next attempt

  // A handler running longer is reported as stuck.
  Duration handler_timeout = std::chrono::seconds(30);
  // When a batch's handling has taken this long, what is done is settled before going on.
  Duration batch_time = std::chrono::milliseconds(1);
  // When one handler has run this long, the rest of its batch no longer waits for it.
  Duration rescue_after = std::chrono::milliseconds(100);

  // Before trying again a sink, dead letters or a queue that failed.
  Backoff write_retry{std::chrono::milliseconds(50), std::chrono::seconds(2)};

  const Clock* clock = &system_clock();
};

}  // namespace millrace::worker
