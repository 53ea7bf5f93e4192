// The smart batcher of a hop between two of our services. An idle link sends at once, what came in
// one round of its thread's loop together; while a batch is under way, what arrives is gathered and
// goes out as the next one. There is no timer, so nothing is added to the latency at low load, and
// at high load one write, one wake-up and one parse serve many items. Each item still gets its own
// answer. It knows nothing of messages: items are opaque bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_function.h"
#include "http/reactor.h"
#include "http/upstream.h"
#include "observe/metrics.h"

namespace millrace::http {

struct HopItem {
  std::string body;
  std::string request_id{};
  std::string idempotency_key{};
  // Not 0: `body` is many of a batch, the first of which has this place in it.
  std::uint64_t place = 0;
  std::size_t messages = 1;  // in it, for the bounds below
};

// ok: `text` is what the other end said of the item (an id). Otherwise: what was wrong.
struct HopAnswer {
  Code code = Code::internal;
  std::string text;
};

// One answer per item, in order.
using HopDone = UniqueFunction<void(std::vector<HopAnswer>)>;

inline constexpr std::string_view kHopContentType = "application/vnd.millrace.hop+protobuf";
// A batch is closed at either bound; the receiving route must take kHopBodyBytesMax.
inline constexpr std::size_t kHopItemsMax = 1024;
inline constexpr std::size_t kHopBytesMax = 1024 * 1024;
// One item may be as large as a body, whose JSON escapes may have hidden more; and its framing.
inline constexpr std::size_t kHopBodyBytesMax = 8 * 1024 * 1024;
// Waiting and under way, per reactor; beyond: Code::full.
inline constexpr std::size_t kHopPendingItemsMax = 16 * 1024;
inline constexpr std::size_t kHopPendingBytesMax = 64 * 1024 * 1024;

struct HopMetrics {
  // `hop` names the receiving service, from a closed set.
  HopMetrics(observe::Registry& registry, const std::string& hop);

  observe::Histogram& batch_size;
  observe::Histogram& exchange_seconds;
  observe::Counter& unavailable;
  observe::Counter& unknown;
  observe::Counter& connections_opened;
};

// One reactor's links to the upstreams of a hop: batches go to each in turn, and those of which an
// upstream took nothing (it is down: nothing was sent; or it is full) to each of the others in
// turn. Everything on the reactor's thread; destroyed on it too.
class HopClient {
 public:
  // `upstreams` has one at least. `on_unavailable` is called when one couldn't be reached.
  HopClient(Reactor& reactor, std::vector<Upstream> upstreams, std::string target,
            HopMetrics& metrics, std::function<void()> on_unavailable = {});
  ~HopClient();

  // Those that there are now, one at least. One that isn't among them any more finishes what was
  // sent to it; what waits for it goes to the others.
  void set_upstreams(std::vector<Upstream> upstreams);

  // `done` is called exactly once, not within this call. Items of one call go to one upstream, in
  // order. Code::full: too much waits here, no upstream has room, or the one that took others of
  // the same batch has none left; Code::unavailable: not sent by `deadline`, or no upstream could
  // be reached; Code::deadline: sent, outcome unknown.
  void submit(std::vector<HopItem> items, Time deadline, HopDone done);

  // Every item not yet answered is: Code::closed when it wasn't sent, Code::deadline when it was.
  void abort();

  // Items without an answer.
  [[nodiscard]] std::size_t pending() const;

 private:
  class Link;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace millrace::http
