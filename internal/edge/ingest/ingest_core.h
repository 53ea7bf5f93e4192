// What ingesting is, whatever door a message comes in by: check it, give it its id, publish it, and
// say "accepted" only once the queue has it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/unique_function.h"
#include "edge/ingest/key_window.h"
#include "message/json.h"
#include "observe/metrics.h"
#include "queue/producer.h"

namespace millrace::edge {

struct IngestItem {
  IngestFields fields;
  std::string idempotency_key{};  // empty: none
  // From 1, when the key is that of a whole stream: the message's place in it.
  std::uint64_t place = 0;
};

struct IngestAnswer {
  Status status;
  std::string message_id;  // when ok
};

// Publishes as a producer does.
using Publish = UniqueFunction<void(std::vector<Message>, Time deadline, queue::PublishDone)>;
using IngestDone = UniqueFunction<void(std::vector<IngestAnswer>)>;

inline constexpr std::size_t kIdempotencyKeyBytesMax = 256;

// Counts of messages that were well formed: received == sent + failed + in flight.
struct IngestStats {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;    // the queue has them
  std::uint64_t failed = 0;  // refused, or unknown
};

// Thread-safe.
class IngestCore {
 public:
  IngestCore(queue::Producer& producer, observe::Registry& registry, KeyWindowOptions keys = {},
             const Clock& clock = system_clock());

  // One answer per item, in order. An item that is already an error is answered with it and fails
  // alone. `done` is called exactly once, on the producer's thread, or inside this call when there
  // is nothing to publish.
  void ingest(std::vector<Result<IngestItem>> items, Time deadline, IngestDone done);
  // The same by another way into the same queue.
  void ingest_through(Publish publish, std::vector<Result<IngestItem>> items, Time deadline,
                      IngestDone done);

  [[nodiscard]] IngestStats stats() const;

 private:
  // A message under way, and which of the answers is its own.
  struct Place {
    std::size_t answer;
    std::optional<KeyWindow::Use> use{};  // of its Idempotency-Key
  };

  // Nothing when there is nothing to publish: `answer` says why, or has the id it is known by.
  std::optional<Message> prepare(Result<IngestItem>& item, std::int64_t now_ms,
                                 IngestAnswer& answer, Place& place);

  queue::Producer& producer_;
  const Clock& clock_;
  KeyWindow keys_;
  observe::Counter& received_;
  observe::Counter& sent_;
  observe::Counter& failed_;
};

}  // namespace millrace::edge
