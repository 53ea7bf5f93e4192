#include "app/readiness.h"

#include "http/later.h"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kPause{100};

}  // namespace

struct Readiness::Shared {
  Shared(http::ReactorPool& r, edge::WorkCheck c) : reactors(r), check(std::move(c)) {}

  http::ReactorPool& reactors;
  const edge::WorkCheck check;
  Mutex asking;  // held while `check` is called: what it uses may go once `over` is set
  bool over GUARDED_BY(asking) = false;
  mutable Mutex mutex;
  Status latest GUARDED_BY(mutex){Code::unavailable, "starting"};
};

Readiness::Readiness(http::ReactorPool& reactors, edge::WorkCheck check)
    : shared_(std::make_shared<Shared>(reactors, std::move(check))) {
  reactors.post([asked = std::weak_ptr(shared_)] { ask(asked); });
}

Readiness::~Readiness() {
  const MutexLock lock(shared_->asking);
  shared_->over = true;
}

void Readiness::ask(const std::weak_ptr<Shared>& asked) {
  const auto shared = asked.lock();
  if (shared == nullptr) return;
  const MutexLock lock(shared->asking);
  if (shared->over) return;
  shared->check([asked](Status status) {
    const auto answered = asked.lock();
    if (answered == nullptr) return;
    {
      const MutexLock noting(answered->mutex);
      answered->latest = std::move(status);
    }
    http::post_after(answered->reactors.here(), kPause, [asked] { ask(asked); });
  });
}

Status Readiness::latest() const {
  const MutexLock lock(shared_->mutex);
  return shared_->latest;
}

}  // namespace millrace::app
