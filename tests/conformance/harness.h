// What the checks are written with: a failing expectation throws, waiting has a deadline.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "conformance/conformance.h"
#include "fakes/messages.h"

namespace millrace::conformance {

struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws Failed.
void expect(bool holds, const std::string& otherwise);
// Throws Skipped, naming what isn't promised.
void require_feature(bool promised, const std::string& feature);

// Something that happens once, and can be waited for. Thread-safe.
class Event {
 public:
  void happen() EXCLUDES(mutex_);
  // False when it didn't in time.
  bool wait(Duration limit) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::condition_variable changed_;
  bool happened_ GUARDED_BY(mutex_) = false;
};

// One call of publish() and what became of its `done`. Thread-safe.
class Publication {
 public:
  void called(std::vector<Status> verdicts) EXCLUDES(mutex_);
  void returned() EXCLUDES(mutex_);

  // Nothing when `done` wasn't called in time.
  std::optional<std::vector<Status>> wait(Duration limit) EXCLUDES(mutex_);
  int calls() EXCLUDES(mutex_);
  bool was_inline() EXCLUDES(mutex_);

 private:
  const std::thread::id publisher_ = std::this_thread::get_id();
  Mutex mutex_;
  std::condition_variable changed_;
  std::vector<Status> verdicts_ GUARDED_BY(mutex_);
  int calls_ GUARDED_BY(mutex_) = 0;
  bool returned_ GUARDED_BY(mutex_) = false;
  bool inline_ GUARDED_BY(mutex_) = false;
};

using Deliveries = std::vector<queue::Delivery>;
using Ids = std::multiset<std::string>;

Ids ids_of(const Deliveries& deliveries);
Ids ids_of(const std::vector<Message>& messages);
std::string to_text(const Ids& ids);
void ack_all(Deliveries deliveries);

// Runs `step` on a thread of its own, and says when it returned.
template <class Step>
std::jthread start(Event& returned, Step step) {
  return std::jthread([&returned, step = std::move(step)] {
    step();
    returned.happen();
  });
}

// A pair under test and the steps that most checks consist of. Thread-safe.
class Session {
 public:
  explicit Session(const Fixture& fixture, std::size_t capacity = 1000)
      : fixture_(fixture), rig_(fixture.make(capacity)) {}

  queue::Producer& producer() { return rig_->producer(); }
  queue::Consumer& consumer() { return rig_->consumer(); }
  void restart() { rig_->restart(); }

  std::shared_ptr<Publication> publish_async(std::vector<Message> batch);
  std::shared_ptr<Publication> publish_async(std::vector<Message> batch, Time deadline);
  // Waits for the verdicts; fails when there aren't as many as messages.
  std::vector<Status> publish(std::vector<Message> batch);
  // All of them must be accepted.
  void publish_ok(std::vector<Message> batch);

  // Exactly `count`, or it fails.
  Deliveries receive(std::size_t count);
  queue::Delivery receive_one() { return std::move(receive(1).front()); }

  void stop_accepting();
  // Stops accepting, and acks what is left until the queue says closed; what came, in its order. Of
  // a queue that leaves the rest, what is left is taken before.
  std::vector<std::string> ack_the_rest();
  // Acks until the queue, which accepts no more, says closed.
  std::vector<std::string> ack_until_closed();

  Time in(Duration delay) const { return system_clock().now() + delay; }

 private:
  void ack_until_idle(std::vector<std::string>& ids);

  const Fixture& fixture_;
  std::unique_ptr<Rig> rig_;
};

}  // namespace millrace::conformance
