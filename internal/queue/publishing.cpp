#include "queue/publishing.h"

#include <string>

namespace millrace::queue {

void Publication::judge(std::size_t index, Status verdict, std::size_t count) {
  // Each of them is ok already.
  for (std::size_t i = index; !verdict.ok() && i < index + count; ++i) verdicts_[i] = verdict;
  // acq_rel: the last one sees the verdicts of all.
  if (left_.fetch_sub(count, std::memory_order_acq_rel) == count) books_.finish(*this);
}

PublishBooks::Opened PublishBooks::open(std::span<const Message> batch, PublishDone done) {
  Opened opened{std::make_shared<Publication>(*this, batch.size(), std::move(done))};
  const bool closed = this->closed();
  {
    const MutexLock lock(mutex_);
    stats_.published += batch.size();
    stats_.in_flight += batch.size();
    undone_ += batch.size();
    if (!closed) opened.admitted = admit(*opened.publication, batch);
  }
  for (std::size_t i = opened.admitted; i < batch.size(); ++i) {
    opened.publication->judge(
        i, closed ? Status(Code::closed, "shutting down")
                  : Status(Code::full, std::to_string(limits_.messages) +
                                           " messages, or the bytes allowed, are on their way to "
                                           "the broker already"));
  }
  if (batch.empty()) finish(*opened.publication);
  return opened;
}

std::size_t PublishBooks::admit(Publication& publication, std::span<const Message> batch) {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (; count < batch.size(); ++count) {
    const std::uint64_t more = bytes + batch[count].size();
    // Whatever its size, one goes through when nothing else is under way.
    const bool alone = admitted_in_flight_ + count == 0;
    if (admitted_in_flight_ + count >= limits_.messages) break;
    if (bytes_in_flight_ + more > limits_.bytes && !alone) break;
    bytes = more;
  }
  publication.admitted_ = count;
  publication.bytes_ = bytes;
  admitted_in_flight_ += count;
  bytes_in_flight_ += bytes;
  return count;
}

void PublishBooks::finish(Publication& publication) {
  std::uint64_t stored = 0;
  std::uint64_t unknown = 0;
  for (const Status& verdict : publication.verdicts_) {
    stored += verdict.ok() ? 1U : 0U;
    unknown += verdict.code() == Code::deadline ? 1U : 0U;
  }
  const std::size_t count = publication.verdicts_.size();
  {
    const MutexLock lock(mutex_);
    stats_.stored += stored;
    stats_.unknown += unknown;
    stats_.refused += count - stored - unknown;
    stats_.in_flight -= count;
    admitted_in_flight_ -= publication.admitted_;
    bytes_in_flight_ -= publication.bytes_;
  }
  executor_.post([this, count, verdicts = std::move(publication.verdicts_),
                  done = std::move(publication.done_)]() mutable {
    done(std::move(verdicts));
    returned(count);
  });
}

void PublishBooks::returned(std::size_t count) {
  const MutexLock lock(mutex_);
  undone_ -= count;
  if (undone_ == 0) all_done_.notify_all();
}

Status PublishBooks::drain(Time deadline) {
  MutexLock lock(mutex_);
  while (undone_ > 0) {
    if (!lock.wait_until(all_done_, deadline) && undone_ > 0) {
      return {Code::deadline, std::to_string(undone_) + " messages have no verdict"};
    }
  }
  return {};
}

ProducerStats PublishBooks::stats() const {
  const MutexLock lock(mutex_);
  return stats_;
}

}  // namespace millrace::queue
