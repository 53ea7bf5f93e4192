#include "edge/intake/unary_intake.h"

#include <algorithm>

namespace millrace::edge {

void UnaryIntake::add(Result<IngestItem> item, Time deadline, IsCancelled is_cancelled,
                      UnaryDone done) {
  const Time latest = std::chrono::steady_clock::now() + timeout_;
  {
    const MutexLock lock(mutex_);
    gathered_.items.push_back(std::move(item));
    gathered_.deadlines.push_back(std::min(deadline, latest));
    gathered_.cancelled.push_back(std::move(is_cancelled));
    gathered_.dones.push_back(std::move(done));
    if (std::exchange(launching_, true)) return;
  }
  executor_.post([this] { launch(); });
}

void UnaryIntake::launch() {
  Batch batch;
  {
    const MutexLock lock(mutex_);
    batch = std::exchange(gathered_, {});
    launching_ = false;
  }
  const Time now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    if (batch.cancelled[i]()) {
      batch.items[i] = Status(Code::closed, "cancelled by the client");
    } else if (batch.deadlines[i] <= now) {
      batch.items[i] = Status(Code::deadline, "the deadline was over before it was published");
    }
  }
  // The latest: who is in more of a hurry doesn't cut the others' time, and is gone by then.
  const Time deadline = *std::max_element(batch.deadlines.begin(), batch.deadlines.end());
  core_.ingest(std::move(batch.items), deadline,
               [dones = std::move(batch.dones)](const std::vector<IngestAnswer>& answers) mutable {
                 for (std::size_t i = 0; i < dones.size(); ++i) dones[i](answers[i]);
               });
}

}  // namespace millrace::edge
