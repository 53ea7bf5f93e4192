#include "queue/patient_producer.h"

#include <algorithm>
#include <condition_variable>
#include <string>

#include "base/thread_annotations.h"

namespace millrace::queue {
namespace {

// A full memory queue has room again within milliseconds, a broker's within a second.
constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::milliseconds kLastPause{64};

}  // namespace

struct PatientProducer::Shared {
  Shared(Producer& p, Later l, const Clock& c) : producer(p), later(std::move(l)), clock(c) {}

  Producer& producer;
  const Later later;
  const Clock& clock;
  std::atomic<bool> patient{true};
  Mutex mutex;
  std::condition_variable none_left;
  std::size_t under_way GUARDED_BY(mutex) = 0;  // batches
};

// A batch, and those of it that have no verdict yet.
struct PatientProducer::Attempt {
  std::shared_ptr<Shared> shared;
  std::vector<Message> waiting;
  std::vector<std::size_t> places;  // of the waiting ones in `verdicts`
  std::vector<Status> verdicts;
  Time deadline;
  Duration pause = kFirstPause;
  PublishDone done;
};

PatientProducer::PatientProducer(Producer& producer, Later later, const Clock& clock)
    : producer_(producer), shared_(std::make_shared<Shared>(producer, std::move(later), clock)) {}

PatientProducer::~PatientProducer() = default;

void PatientProducer::publish(std::vector<Message> batch, Time deadline, PublishDone done) {
  auto attempt = std::make_shared<Attempt>();
  attempt->shared = shared_;
  attempt->verdicts.resize(batch.size());
  attempt->places.resize(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) attempt->places[i] = i;
  attempt->waiting = std::move(batch);
  attempt->deadline = deadline;
  attempt->done = std::move(done);
  {
    const MutexLock lock(shared_->mutex);
    ++shared_->under_way;
  }
  send(attempt);
}

void PatientProducer::send(const std::shared_ptr<Attempt>& attempt) {
  attempt->shared->producer.publish(
      attempt->waiting, attempt->deadline,
      [attempt](std::vector<Status> verdicts) { judge(attempt, std::move(verdicts)); });
}

void PatientProducer::judge(const std::shared_ptr<Attempt>& attempt, std::vector<Status> verdicts) {
  Shared& shared = *attempt->shared;
  const bool again = shared.patient && shared.clock.now() + attempt->pause < attempt->deadline;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const std::size_t place = attempt->places[i];
    if (again && verdicts[i].code() == Code::full) {
      if (kept != i) attempt->waiting[kept] = std::move(attempt->waiting[i]);
      attempt->places[kept++] = place;
    } else {
      attempt->verdicts[place] = std::move(verdicts[i]);
    }
  }
  if (kept > 0) {
    const bool some_went = kept < attempt->waiting.size();
    attempt->waiting.resize(kept);
    attempt->places.resize(kept);
    attempt->pause =
        some_went ? Duration(kFirstPause) : std::min<Duration>(attempt->pause * 2, kLastPause);
    return shared.later(attempt->pause, [attempt] { send(attempt); });
  }
  attempt->done(std::move(attempt->verdicts));
  const MutexLock lock(shared.mutex);
  if (--shared.under_way == 0) shared.none_left.notify_all();
}

void PatientProducer::stop_accepting() { shared_->patient = false; }

Status PatientProducer::drain(Time deadline) {
  MutexLock lock(shared_->mutex);
  while (shared_->under_way > 0) {
    if (!lock.wait_until(shared_->none_left, deadline) && shared_->under_way > 0) {
      return {Code::deadline, std::to_string(shared_->under_way) + " batches have no verdict"};
    }
  }
  return {};
}

}  // namespace millrace::queue
