// The entering end of a queue.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/lifecycle.h"
#include "base/unique_function.h"
#include "message/message.h"

namespace millrace::queue {

// One Status per message of the batch, in its order.
using PublishDone = UniqueFunction<void(std::vector<Status> verdicts)>;

// Each message published ends as exactly one of stored, refused or unknown.
struct ProducerStats {
  std::uint64_t published = 0;  // handed to publish()
  std::uint64_t stored = 0;     // ok: the queue has it
  std::uint64_t refused = 0;    // the queue does not have it
  std::uint64_t unknown = 0;    // Code::deadline: it may have it
  std::uint64_t in_flight = 0;  // no verdict yet
};

// Thread-safe. Batch first: one message is a batch of one.
class Producer : public Lifecycle {
 public:
  // Calls `done` exactly once, never inside this call, on a thread of the implementation's choice.
  // A message's verdict is ok only when the queue has taken responsibility for it, Code::deadline
  // when `deadline` passed without an answer, Code::full when a bound was reached. In-flight
  // messages and bytes are bounded. Messages of one batch that are stored are stored in its order.
  virtual void publish(std::vector<Message> batch, Time deadline, PublishDone done) = 0;

  // Ok when a publish now could succeed; otherwise why not.
  [[nodiscard]] virtual Status health() const = 0;

  // Larger messages are Code::too_large, as far as is known now.
  [[nodiscard]] virtual std::uint64_t message_bytes_max() const { return UINT64_MAX; }

  [[nodiscard]] virtual ProducerStats producer_stats() const = 0;
};

// Whether nobody waits for the outcome any more. Thread-safe.
using IsCancelled = std::function<bool()>;

// One that may keep messages for a while before its queue is given them.
class CancellableProducer : public Producer {
 public:
  // As publish(); what the queue wasn't given yet when it is cancelled is refused: Code::closed.
  virtual void publish_unless(IsCancelled is_cancelled, std::vector<Message> batch, Time deadline,
                              PublishDone done) = 0;
};

}  // namespace millrace::queue
