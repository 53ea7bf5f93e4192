// The leaving end of a queue.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/lifecycle.h"
#include "queue/delivery.h"

namespace millrace::queue {

// Each delivery given out is in exactly one of these:
// received == acked + retried + rejected + nacked + in_flight (invariant 5: the books balance).
struct ConsumerStats {
  std::uint64_t received = 0;
  std::uint64_t acked = 0;
  std::uint64_t retried = 0;
  std::uint64_t rejected = 0;
  std::uint64_t nacked = 0;
  std::uint64_t in_flight = 0;  // received and not settled
  std::uint64_t waiting = 0;    // not yet received, the delayed ones included; as far as known
};

// What is in a queue and the most it takes, counted as its own bound counts. A maximum of 0: no
// bound.
struct Fill {
  std::uint64_t messages = 0;
  std::uint64_t messages_max = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_max = 0;
};

// Pull: back-pressure is not calling receive(). Thread-safe; several threads may receive.
//
// stop_accepting() here means: hand out what is already there, and answer Code::closed once nothing
// can come any more. A queue that keeps its messages without us, a broker, may leave there what it
// hasn't handed out yet.
class Consumer : public Lifecycle {
 public:
  // Appends 1 to `max` deliveries to `out` as soon as there are any, and returns ok. Ok with
  // nothing appended: `deadline` passed or `stop` was requested. Code::closed: there will be no
  // more. Code::unavailable: the queue can't be reached now; call again.
  virtual Status receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                         const std::stop_token& stop) = 0;

  // Ok when the queue can be received from now; otherwise why not.
  [[nodiscard]] virtual Status health() const = 0;

  [[nodiscard]] virtual ConsumerStats consumer_stats() const = 0;

  // As the queue last said. Nothing when what it bounds is what consumer_stats() counts.
  [[nodiscard]] virtual std::optional<Fill> fill() const { return std::nullopt; }
};

}  // namespace millrace::queue
