#include "edge/intake/stream_intake.h"

namespace millrace::edge {

StreamIntake::StreamIntake(Publish publish, Executor& executor, ByteBudget& budget,
                           std::weak_ptr<IntakeListener> listener, IntakeLimits limits)
    : publish_(std::move(publish)),
      executor_(executor),
      budget_(budget),
      listener_(std::move(listener)),
      limits_(limits) {}

bool StreamIntake::is_full() const {
  return gathered_.items.size() >= limits_.messages_max || gathered_.bytes >= limits_.bytes_max;
}

bool StreamIntake::add(Result<IngestItem> item, std::size_t bytes) {
  bool sets_out = false;
  bool room = true;
  {
    const MutexLock lock(mutex_);
    ++progress_.received;
    if (!discarding_) {
      gathered_.items.push_back(std::move(item));
      gathered_.bytes += bytes;
      room = !is_full();
      room_due_ = !room;
      sets_out = !std::exchange(under_way_, true);
      bytes = 0;
    }
  }
  if (bytes > 0) budget_.give(bytes);
  if (sets_out) executor_.post([self = shared_from_this()] { self->launch(); });
  return room;
}

void StreamIntake::launch() {
  Batch batch;
  bool room = false;
  {
    const MutexLock lock(mutex_);
    batch = std::exchange(gathered_, {});
    room = std::exchange(room_due_, false);
    gathered_.items.reserve(batch.items.size());
  }
  if (room) {
    if (const auto listener = listener_.lock()) listener->on_room();
  }
  if (batch.items.empty()) return go_on();
  publish_(std::move(batch.items),
           [self = shared_from_this(), bytes = batch.bytes](
               const std::vector<IngestAnswer>& answers) { self->on_answers(bytes, answers); });
}

void StreamIntake::go_on() {
  bool more = false;
  {
    const MutexLock lock(mutex_);
    more = !gathered_.items.empty();
    under_way_ = more;
  }
  // Not from here: when nothing of a batch needs publishing its answers come inside launch().
  if (more) return executor_.post([self = shared_from_this()] { self->launch(); });
  if (const auto listener = listener_.lock()) listener->on_idle();
}

std::uint64_t StreamIntake::count(const std::vector<IngestAnswer>& answers) {
  const MutexLock lock(mutex_);
  const std::uint64_t first = progress_.accepted + progress_.rejected;
  for (const IngestAnswer& answer : answers) {
    if (answer.status.ok()) {
      ++progress_.accepted;
      progress_.last_message_id = answer.message_id;
      continue;
    }
    if (progress_.first_error.ok()) {
      progress_.first_error = answer.status;
      progress_.first_error_index = progress_.accepted + progress_.rejected;
    }
    ++progress_.rejected;
  }
  return first;
}

void StreamIntake::on_answers(std::size_t bytes, const std::vector<IngestAnswer>& answers) {
  const std::uint64_t first = count(answers);
  if (const auto listener = listener_.lock()) listener->on_verdicts(first, answers);
  budget_.give(bytes);
  go_on();
}

void StreamIntake::discard() {
  std::uint64_t bytes = 0;
  {
    const MutexLock lock(mutex_);
    discarding_ = true;
    bytes = std::exchange(gathered_, {}).bytes;
    room_due_ = false;
  }
  budget_.give(bytes);
}

bool StreamIntake::idle() const {
  const MutexLock lock(mutex_);
  return !under_way_ && gathered_.items.empty();
}

StreamProgress StreamIntake::progress() const {
  const MutexLock lock(mutex_);
  return progress_;
}

}  // namespace millrace::edge
