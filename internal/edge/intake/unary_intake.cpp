#include "edge/intake/unary_intake.h"

namespace millrace::edge {

void UnaryIntake::add(Result<IngestItem> item, Time deadline, IsCancelled is_cancelled,
                      UnaryDone done) {
  if (deadline < std::chrono::steady_clock::now() + timeout_) {
    return publish_alone(std::move(item), deadline, std::move(done));
  }
  {
    const MutexLock lock(mutex_);
    gathered_.items.push_back(std::move(item));
    gathered_.cancelled.push_back(std::move(is_cancelled));
    gathered_.dones.push_back(std::move(done));
    if (std::exchange(under_way_, true)) return;
  }
  executor_.post([this] { launch(); });
}

void UnaryIntake::publish_alone(Result<IngestItem> item, Time deadline, UnaryDone done) {
  std::vector<Result<IngestItem>> items;
  items.push_back(std::move(item));
  core_.ingest(std::move(items), deadline,
               [done = std::move(done)](const std::vector<IngestAnswer>& answers) mutable {
                 done(answers.front());
               });
}

void UnaryIntake::launch() {
  Batch batch;
  {
    const MutexLock lock(mutex_);
    batch = std::exchange(gathered_, {});
    under_way_ = !batch.items.empty();
  }
  if (batch.items.empty()) return;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    if (batch.cancelled[i]()) batch.items[i] = Status(Code::closed, "cancelled by the client");
  }
  core_.ingest(
      std::move(batch.items), std::chrono::steady_clock::now() + timeout_,
      [this, dones = std::move(batch.dones)](const std::vector<IngestAnswer>& answers) mutable {
        launch();
        for (std::size_t i = 0; i < dones.size(); ++i) dones[i](answers[i]);
      });
}

}  // namespace millrace::edge
