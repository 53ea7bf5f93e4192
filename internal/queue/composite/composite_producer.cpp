#include "queue/composite/composite_producer.h"

#include <algorithm>

#include "observe/log.h"

namespace millrace::queue {
namespace {

Status named(const std::string& name, const Status& status) {
  return {status.code(), "composite: " + name + ": " + status.text()};
}

}  // namespace

struct CompositeProducer::Joint {
  struct Sent {
    std::size_t place;  // in its batch
    bool judged = false;
  };

  std::shared_ptr<Publication> publication;
  Mutex mutex;
  std::vector<Sent> sent;
  std::vector<std::optional<std::vector<Status>>> verdicts;  // by part, once it has answered
  std::size_t left = 0;                                      // parts that haven't
};

CompositeProducer::CompositeProducer(std::vector<CompositeProducerPart> parts,
                                     CompositeStrategy strategy, PublishLimits limits,
                                     Executor& executor)
    : strategy_(strategy), books_(limits, executor) {
  for (auto& part : parts) parts_.push_back(std::make_unique<Part>(std::move(part)));
}

CompositeProducer::~CompositeProducer() {
  abort();
  static_cast<void>(books_.drain(Time::max()));
  MutexLock lock(mutex_);
  while (joints_ > 0) lock.wait(all_answered_);
}

Status CompositeProducer::start() {
  for (const auto& part : parts_) {
    if (Status failed = part->of.producer->start(); !failed.ok()) return failed;
  }
  return {};
}

Status CompositeProducer::health() const {
  if (books_.closed()) return {Code::closed, "shutting down"};
  Status first_failed;
  for (const auto& part : parts_) {
    Status health = part->of.producer->health();
    if (health.ok() && strategy_ == CompositeStrategy::best_effort) return {};
    if (!health.ok() && first_failed.ok()) first_failed = named(part->of.name, health);
  }
  return first_failed;
}

// Of a best-effort composite the largest: one provider is enough.
std::uint64_t CompositeProducer::message_bytes_max() const {
  std::vector<std::uint64_t> each;
  for (const auto& part : parts_) each.push_back(part->of.producer->message_bytes_max());
  return strategy_ == CompositeStrategy::fail_fast ? *std::min_element(each.begin(), each.end())
                                                   : *std::max_element(each.begin(), each.end());
}

Status CompositeProducer::refusal(const Message& message) const {
  if (const std::uint64_t most = message_bytes_max(); message.size() > most) {
    return {Code::too_large, "the message has " + std::to_string(message.size()) +
                                 " bytes, the providers take " + std::to_string(most)};
  }
  return {};
}

void CompositeProducer::publish(std::vector<Message> batch, Time deadline, PublishDone done) {
  auto [publication, admitted] = books_.open(batch, std::move(done));
  if (admitted == 0) return;
  batch.resize(admitted);
  const Status health = this->health();
  auto joint = std::make_shared<Joint>();
  std::vector<Message> sent;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    // What can't be everywhere mustn't be anywhere.
    Status refused = health.ok() ? refusal(batch[i]) : health;
    if (refused.ok()) {
      joint->sent.push_back({i});
      sent.push_back(std::move(batch[i]));
    } else {
      publication->judge(i, std::move(refused));
    }
  }
  if (sent.empty()) return;
  joint->publication = std::move(publication);
  joint->verdicts.resize(parts_.size());
  joint->left = parts_.size();
  {
    const MutexLock lock(mutex_);
    ++joints_;
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i]->of.producer->publish(sent, deadline, [this, joint, i](std::vector<Status> verdicts) {
      answered(*joint, i, std::move(verdicts));
    });
  }
}

void CompositeProducer::answered(Joint& joint, std::size_t index, std::vector<Status> verdicts) {
  bool last = false;
  {
    const MutexLock lock(joint.mutex);
    joint.verdicts[index] = std::move(verdicts);
    last = --joint.left == 0;
    for (std::size_t i = 0; i < joint.sent.size(); ++i) {
      Joint::Sent& message = joint.sent[i];
      if (message.judged) continue;
      auto decided = verdict(joint, i);
      if (!decided) continue;
      message.judged = true;
      joint.publication->judge(message.place, std::move(*decided));
    }
    if (last) note_missing(joint);
  }
  if (!last) return;
  const MutexLock lock(mutex_);
  if (--joints_ == 0) all_answered_.notify_all();
}

std::optional<Status> CompositeProducer::verdict(const Joint& joint, std::size_t index) const {
  if (strategy_ == CompositeStrategy::best_effort) {
    for (const auto& part : joint.verdicts) {
      if (part && (*part)[index].ok()) return Status();
    }
  }
  return joint.left > 0 ? std::nullopt : std::optional(failure(joint, index));
}

// Once all have answered: ok when none failed.
Status CompositeProducer::failure(const Joint& joint, std::size_t index) const {
  std::optional<std::size_t> failed;  // the first that did
  bool maybe_stored = false;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Status& verdict = (*joint.verdicts[i])[index];
    maybe_stored = maybe_stored || verdict.ok() || verdict.code() == Code::deadline;
    if (!verdict.ok() && !failed) failed = i;
  }
  if (!failed) return {};
  Status why = named(parts_[*failed]->of.name, (*joint.verdicts[*failed])[index]);
  if (!maybe_stored || why.code() == Code::deadline) return why;
  return {Code::deadline, why.text() + "; another provider may have the message"};
}

// Accepted messages that a provider doesn't have.
void CompositeProducer::note_missing(const Joint& joint) {
  if (strategy_ == CompositeStrategy::fail_fast) return;
  for (std::size_t i = 0; i < joint.sent.size(); ++i) {
    const bool accepted = verdict(joint, i)->ok();
    for (std::size_t part = 0; accepted && part < parts_.size(); ++part) {
      const Status& why = (*joint.verdicts[part])[i];
      if (why.ok()) continue;
      parts_[part]->missing.fetch_add(1, std::memory_order_relaxed);
      static observe::Throttle throttle(std::chrono::seconds(5));
      if (auto pass = throttle.pass()) {
        observe::warn("accepted without a provider", {{"provider", parts_[part]->of.name},
                                                      {"error", why.text()},
                                                      {"suppressed", pass.suppressed}});
      }
    }
  }
}

std::vector<CompositePartStats> CompositeProducer::part_stats() const {
  std::vector<CompositePartStats> all;
  for (const auto& part : parts_) {
    all.push_back({part->of.name, part->of.producer->producer_stats(),
                   part->missing.load(std::memory_order_relaxed),
                   part->of.producer->health().ok()});
  }
  return all;
}

// The parts stay open for what is admitted already.
void CompositeProducer::stop_accepting() { books_.close(); }

Status CompositeProducer::drain(Time deadline) {
  Status drained = books_.drain(deadline);
  for (const auto& part : parts_) part->of.producer->stop_accepting();
  for (const auto& part : parts_) {
    Status failed = part->of.producer->drain(deadline);
    if (drained.ok() && !failed.ok()) drained = named(part->of.name, failed);
  }
  return drained;
}

void CompositeProducer::abort() {
  books_.close();
  for (const auto& part : parts_) part->of.producer->abort();
}

}  // namespace millrace::queue
