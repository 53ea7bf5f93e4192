#include "conformance/harness.h"

#include <algorithm>

namespace millrace::conformance {

void expect(bool holds, const std::string& otherwise) {
  if (!holds) throw Failed(otherwise);
}

void require_feature(bool promised, const std::string& feature) {
  if (!promised) throw Skipped("this queue doesn't promise to be " + feature);
}

void Event::happen() {
  const MutexLock lock(mutex_);
  happened_ = true;
  changed_.notify_all();
}

bool Event::wait(Duration limit) {
  const Time deadline = system_clock().now() + limit;
  MutexLock lock(mutex_);
  while (!happened_) {
    if (!lock.wait_until(changed_, deadline)) return happened_;
  }
  return true;
}

void Publication::called(std::vector<Status> verdicts) {
  const MutexLock lock(mutex_);
  if (++calls_ == 1) verdicts_ = std::move(verdicts);
  // On the publisher's thread before publish() returned: inside it. On another thread it may well
  // come before that.
  if (!returned_ && std::this_thread::get_id() == publisher_) inline_ = true;
  changed_.notify_all();
}

void Publication::returned() {
  const MutexLock lock(mutex_);
  returned_ = true;
}

std::optional<std::vector<Status>> Publication::wait(Duration limit) {
  const Time deadline = system_clock().now() + limit;
  MutexLock lock(mutex_);
  while (calls_ == 0) {
    if (!lock.wait_until(changed_, deadline) && calls_ == 0) return std::nullopt;
  }
  return verdicts_;
}

int Publication::calls() {
  const MutexLock lock(mutex_);
  return calls_;
}

bool Publication::was_inline() {
  const MutexLock lock(mutex_);
  return inline_;
}

Ids ids_of(const Deliveries& deliveries) {
  Ids ids;
  for (const queue::Delivery& delivery : deliveries) ids.emplace(delivery.message().id());
  return ids;
}

Ids ids_of(const std::vector<Message>& messages) {
  Ids ids;
  for (const Message& message : messages) ids.emplace(message.id());
  return ids;
}

std::string to_text(const Ids& ids) {
  constexpr std::size_t kShown = 10;
  std::string out = std::to_string(ids.size()) + " messages:";
  std::size_t shown = 0;
  for (const std::string& id : ids) {
    if (shown++ == kShown) return out + " ...";
    out += " " + id;
  }
  return out;
}

void ack_all(Deliveries deliveries) {
  for (queue::Delivery& delivery : deliveries) std::move(delivery).ack();
}

std::shared_ptr<Publication> Session::publish_async(std::vector<Message> batch) {
  return publish_async(std::move(batch), in(fixture_.patience));
}

std::shared_ptr<Publication> Session::publish_async(std::vector<Message> batch, Time deadline) {
  auto publication = std::make_shared<Publication>();
  producer().publish(std::move(batch), deadline, [publication](std::vector<Status> verdicts) {
    publication->called(std::move(verdicts));
  });
  publication->returned();
  return publication;
}

std::vector<Status> Session::publish(std::vector<Message> batch) {
  const std::size_t count = batch.size();
  auto verdicts = publish_async(std::move(batch))->wait(fixture_.patience);
  expect(verdicts.has_value(), "done was not called");
  expect(verdicts->size() == count, "a batch of " + std::to_string(count) + " got " +
                                        std::to_string(verdicts->size()) + " verdicts");
  return *std::move(verdicts);
}

void Session::publish_ok(std::vector<Message> batch) {
  for (const Status& verdict : publish(std::move(batch))) {
    expect(verdict.ok(), "a message was refused: " + to_string(verdict));
  }
}

Deliveries Session::receive(std::size_t count) {
  const Time deadline = in(fixture_.patience);
  Deliveries out;
  while (out.size() < count && system_clock().now() < deadline) {
    const Status status = consumer().receive(out, count - out.size(), deadline, {});
    expect(status.ok(), "receive failed: " + to_string(status));
  }
  expect(out.size() == count,
         "expected " + std::to_string(count) + " messages, got " + to_text(ids_of(out)));
  return out;
}

void Session::stop_accepting() {
  producer().stop_accepting();
  consumer().stop_accepting();
}

namespace {

Status receive_and_ack(queue::Consumer& consumer, Time deadline, std::vector<std::string>& ids) {
  Deliveries out;
  Status status = consumer.receive(out, 16, deadline, {});
  for (queue::Delivery& delivery : out) {
    ids.emplace_back(delivery.message().id());
    std::move(delivery).ack();
  }
  return status;
}

}  // namespace

std::vector<std::string> Session::ack_the_rest() {
  std::vector<std::string> ids;
  producer().stop_accepting();
  if (fixture_.features.leaves_the_rest) ack_until_idle(ids);
  consumer().stop_accepting();
  const auto last = ack_until_closed();
  ids.insert(ids.end(), last.begin(), last.end());
  return ids;
}

void Session::ack_until_idle(std::vector<std::string>& ids) {
  const Time deadline = in(fixture_.patience);
  for (std::size_t before = ids.size() + 1; before != ids.size();) {
    before = ids.size();
    const Status status = receive_and_ack(consumer(), in(fixture_.idle), ids);
    expect(status.ok(), "receive failed: " + to_string(status));
    expect(system_clock().now() < deadline, "the queue never came to an end");
  }
}

std::vector<std::string> Session::ack_until_closed() {
  const Time deadline = in(fixture_.patience);
  std::vector<std::string> ids;
  while (receive_and_ack(consumer(), deadline, ids).code() != Code::closed) {
    expect(system_clock().now() < deadline, "receive never said closed");
  }
  return ids;
}

}  // namespace millrace::conformance
