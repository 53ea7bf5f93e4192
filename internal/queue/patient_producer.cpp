#include "queue/patient_producer.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <string>

#include "base/thread_annotations.h"

namespace millrace::queue {
namespace {

// A full memory queue has room again within milliseconds, a broker's within a second.
constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::milliseconds kLastPause{64};
constexpr std::size_t kFirstTry = 16;
constexpr std::size_t kTryMax = 1024;

// A batch, and those of it that have no verdict yet.
struct Waiter {
  std::vector<Message> waiting;
  std::vector<std::size_t> places;  // of the waiting ones in `verdicts`
  std::vector<Status> verdicts;
  Time deadline;
  IsCancelled is_cancelled;
  PublishDone done;

  // Notes the verdicts of the first waiting ones. Those that are full go on waiting; returns how
  // many.
  std::size_t note(std::vector<Status> of_first) {
    const std::size_t count = of_first.size();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (i < count && of_first[i].code() != Code::full) {
        verdicts[places[i]] = std::move(of_first[i]);
        continue;
      }
      if (kept != i) waiting[kept] = std::move(waiting[i]);
      places[kept++] = places[i];
    }
    const std::size_t went = waiting.size() - kept;
    waiting.resize(kept);
    places.resize(kept);
    return count - went;
  }

  void refuse_rest(const Status& why) {
    for (const std::size_t place : places) verdicts[place] = why;
  }
};

using WaiterPtr = std::unique_ptr<Waiter>;

}  // namespace

class PatientProducer::Line : public std::enable_shared_from_this<Line> {
 public:
  Line(std::shared_ptr<Producer> producer, Later later, const Clock& clock)
      : producer_(std::move(producer)), later_(std::move(later)), clock_(clock) {}

  void enter(WaiterPtr waiter) EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      ++under_way_;
      if (trying_ && patient_) return line_.push_back(std::move(waiter));
    }
    const std::size_t all = waiter->waiting.size();
    try_first(std::move(waiter), all, &Line::on_first_answer);
  }

  void stop_waiting() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    patient_ = false;
  }

  Status wait_until_empty(Time deadline) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (under_way_ > 0) {
      if (!lock.wait_until(empty_, deadline) && under_way_ > 0) {
        return {Code::deadline, std::to_string(under_way_) + " batches have no verdict"};
      }
    }
    return {};
  }

 private:
  using OnAnswer = void (Line::*)(WaiterPtr, std::vector<Status>);

  void try_first(WaiterPtr waiter, std::size_t count, OnAnswer on_answer) {
    const auto first = waiter->waiting.begin();
    std::vector<Message> copies(first, first + static_cast<std::ptrdiff_t>(count));
    const Time deadline = waiter->deadline;
    producer_->publish(std::move(copies), deadline,
                       [self = shared_from_this(), waiter = std::move(waiter),
                        on_answer](std::vector<Status> verdicts) mutable {
                         (*self.*on_answer)(std::move(waiter), std::move(verdicts));
                       });
  }

  // It hadn't to wait, until now.
  void on_first_answer(WaiterPtr waiter, std::vector<Status> verdicts) EXCLUDES(mutex_) {
    if (waiter->note(std::move(verdicts)) == 0) return finish(std::move(waiter));
    {
      const MutexLock lock(mutex_);
      line_.push_back(std::move(waiter));
      if (std::exchange(trying_, true)) return;
      next_try_ = kFirstTry;
      pause_ = kFirstPause;
    }
    later_(kFirstPause, [self = shared_from_this()] { self->try_head(); });
  }

  void try_head() EXCLUDES(mutex_) {
    WaiterPtr head;
    std::size_t count = 0;
    for (WaiterPtr& waiter : take_hopeless()) refuse(std::move(waiter));
    {
      const MutexLock lock(mutex_);
      trying_ = !line_.empty();
      if (!trying_) return;
      head = std::move(line_.front());
      line_.pop_front();
      count = std::min(next_try_, head->waiting.size());
    }
    try_first(std::move(head), count, &Line::on_head_answer);
  }

  void on_head_answer(WaiterPtr head, std::vector<Status> verdicts) EXCLUDES(mutex_) {
    const std::size_t tried = verdicts.size();
    const std::size_t went = tried - head->note(std::move(verdicts));
    Duration pause{};
    {
      const MutexLock lock(mutex_);
      if (went == tried) {
        next_try_ = std::min(2 * next_try_, kTryMax);
      } else {
        next_try_ = std::max<std::size_t>(went, 1);
        pause_ = went > 0 ? Duration(kFirstPause) : std::min<Duration>(2 * pause_, kLastPause);
        pause = pause_;
      }
      if (!head->waiting.empty()) line_.push_front(std::move(head));
    }
    if (head != nullptr) finish(std::move(head));
    if (pause == Duration::zero()) return try_head();
    later_(pause, [self = shared_from_this()] { self->try_head(); });
  }

  // Those that can't wait until the next try.
  std::vector<WaiterPtr> take_hopeless() EXCLUDES(mutex_) {
    std::vector<WaiterPtr> out;
    const Time latest = clock_.now() + kLastPause;
    const MutexLock lock(mutex_);
    const bool none_waits = !patient_;
    std::erase_if(line_, [&](WaiterPtr& waiter) {
      if (!none_waits && latest < waiter->deadline && !is_cancelled(*waiter)) return false;
      out.push_back(std::move(waiter));
      return true;
    });
    return out;
  }

  static bool is_cancelled(const Waiter& waiter) {
    return waiter.is_cancelled && waiter.is_cancelled();
  }

  void refuse(WaiterPtr waiter) {
    waiter->refuse_rest(is_cancelled(*waiter)
                            ? Status(Code::closed, "cancelled before the queue had room")
                            : Status(Code::full, "the queue was full for as long as this waited"));
    finish(std::move(waiter));
  }

  void finish(WaiterPtr waiter) EXCLUDES(mutex_) {
    waiter->done(std::move(waiter->verdicts));
    const MutexLock lock(mutex_);
    if (--under_way_ == 0) empty_.notify_all();
  }

  const std::shared_ptr<Producer> producer_;
  const Later later_;
  const Clock& clock_;

  Mutex mutex_;
  std::condition_variable empty_;
  std::deque<WaiterPtr> line_ GUARDED_BY(mutex_);
  bool patient_ GUARDED_BY(mutex_) = true;
  bool trying_ GUARDED_BY(mutex_) = false;               // the head is out, or a try is due
  std::size_t next_try_ GUARDED_BY(mutex_) = kFirstTry;  // messages
  Duration pause_ GUARDED_BY(mutex_) = kFirstPause;      // after a try of which nothing went
  std::size_t under_way_ GUARDED_BY(mutex_) = 0;         // batches without all verdicts
};

PatientProducer::PatientProducer(std::shared_ptr<Producer> producer, Later later,
                                 const Clock& clock)
    : producer_(std::move(producer)),
      line_(std::make_shared<Line>(producer_, std::move(later), clock)) {}

PatientProducer::~PatientProducer() = default;

void PatientProducer::publish(std::vector<Message> batch, Time deadline, PublishDone done) {
  publish_unless({}, std::move(batch), deadline, std::move(done));
}

void PatientProducer::publish_unless(IsCancelled is_cancelled, std::vector<Message> batch,
                                     Time deadline, PublishDone done) {
  auto waiter = std::make_unique<Waiter>();
  waiter->verdicts.resize(batch.size());
  waiter->places.resize(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) waiter->places[i] = i;
  waiter->waiting = std::move(batch);
  waiter->deadline = deadline;
  waiter->is_cancelled = std::move(is_cancelled);
  waiter->done = std::move(done);
  line_->enter(std::move(waiter));
}

void PatientProducer::stop_waiting() { line_->stop_waiting(); }

void PatientProducer::stop_accepting() {
  stop_waiting();
  producer_->stop_accepting();
}

Status PatientProducer::drain(Time deadline) {
  const Status waited = line_->wait_until_empty(deadline);
  Status drained = producer_->drain(deadline);
  return waited.ok() ? drained : waited;
}

void PatientProducer::abort() {
  stop_waiting();
  producer_->abort();
}

}  // namespace millrace::queue
