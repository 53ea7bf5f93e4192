#include "edge/grpc/call_context.h"

namespace millrace::edge {

void OpenStreams::add(std::shared_ptr<OpenStream> stream) {
  const MutexLock lock(mutex_);
  streams_.insert(std::move(stream));
}

void OpenStreams::remove(const std::shared_ptr<OpenStream>& stream) {
  const MutexLock lock(mutex_);
  streams_.erase(stream);
}

// A copy: a stream that ends leaves the set.
std::vector<std::shared_ptr<OpenStream>> OpenStreams::all() const {
  const MutexLock lock(mutex_);
  return {streams_.begin(), streams_.end()};
}

void OpenStreams::tick(Time now) {
  for (const auto& stream : all()) stream->tick(now);
}

void OpenStreams::stop_all(grpc::StatusCode code, const std::string& why) {
  for (const auto& stream : all()) stream->stop(code, why);
}

void OpenCalls::add() {
  const MutexLock lock(mutex_);
  ++count_;
}

void OpenCalls::remove() {
  const MutexLock lock(mutex_);
  if (--count_ == 0) none_.notify_all();
}

std::size_t OpenCalls::wait_until_none(Time deadline) {
  MutexLock lock(mutex_);
  while (count_ > 0) {
    if (!lock.wait_until(none_, deadline)) break;
  }
  return count_;
}

void OpenCalls::wait_for_last_answers() {
  constexpr std::chrono::milliseconds kWriting{100};
  const Time until = std::chrono::steady_clock::now() + kWriting;
  MutexLock lock(mutex_);
  while (lock.wait_until(none_, until)) {
  }
}

}  // namespace millrace::edge
