#include "queue/remote/remote_producer.h"

namespace millrace::queue {

RemoteProducer::RemoteProducer(http::ReactorPool& reactors,
                               std::shared_ptr<http::UpstreamDirectory> processors,
                               observe::Registry& registry, const Clock& clock)
    : reactors_(reactors),
      clock_(clock),
      metrics_(registry, "processor"),
      hop_(reactors, std::move(processors), std::string(kHopEnqueuePath), metrics_) {}

void RemoteProducer::publish(std::vector<Message> batch, Time deadline, PublishDone done) {
  {
    const MutexLock lock(mutex_);
    stats_.published += batch.size();
    stats_.in_flight += batch.size();
    undone_ += batch.size();
  }
  if (!accepting_) return refuse_all(batch.size(), std::move(done));
  std::vector<http::HopItem> items;
  items.reserve(batch.size());
  for (Message& message : batch) items.push_back({std::move(message).take_wire(), {}, {}});
  hop_.submit(std::move(items), deadline,
              [this, done = std::move(done)](std::vector<http::HopAnswer> answers) mutable {
                on_answers(std::move(answers), std::move(done));
              });
}

void RemoteProducer::refuse_all(std::size_t count, PublishDone done) {
  std::vector<http::HopAnswer> answers(count, {Code::closed, "shutting down"});
  reactors_.post([this, answers = std::move(answers), done = std::move(done)]() mutable {
    on_answers(std::move(answers), std::move(done));
  });
}

void RemoteProducer::on_answers(std::vector<http::HopAnswer> answers, PublishDone done) {
  std::vector<Status> verdicts;
  verdicts.reserve(answers.size());
  std::uint64_t stored = 0;
  std::uint64_t unknown = 0;
  Status latest;
  for (http::HopAnswer& answer : answers) {
    stored += answer.code == Code::ok ? 1U : 0U;
    unknown += answer.code == Code::deadline ? 1U : 0U;
    if (answer.code == Code::ok) answer.text.clear();
    verdicts.emplace_back(answer.code, std::move(answer.text));
    if (answer.code == Code::unavailable || answer.code == Code::deadline) latest = verdicts.back();
  }
  const std::size_t count = answers.size();
  {
    const MutexLock lock(mutex_);
    stats_.stored += stored;
    stats_.unknown += unknown;
    stats_.refused += count - stored - unknown;
    stats_.in_flight -= count;
    latest_ = std::move(latest);
    latest_at_ = clock_.now();
  }
  done(std::move(verdicts));
  const MutexLock lock(mutex_);
  undone_ -= count;
  if (undone_ == 0) all_done_.notify_all();
}

Status RemoteProducer::health() const {
  if (!accepting_) return {Code::closed, "shutting down"};
  const MutexLock lock(mutex_);
  if (latest_.ok() || clock_.now() - latest_at_ >= kFailureCounts) return {};
  return latest_;
}

ProducerStats RemoteProducer::producer_stats() const {
  const MutexLock lock(mutex_);
  return stats_;
}

Status RemoteProducer::drain(Time deadline) {
  MutexLock lock(mutex_);
  while (undone_ > 0) {
    if (!lock.wait_until(all_done_, deadline) && undone_ > 0) {
      return {Code::deadline, std::to_string(undone_) + " messages have no verdict"};
    }
  }
  return {};
}

void RemoteProducer::abort() {
  accepting_ = false;
  hop_.abort();
}

}  // namespace millrace::queue
