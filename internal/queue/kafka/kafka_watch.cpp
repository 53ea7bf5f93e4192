#include "queue/kafka/kafka_watch.h"

#include "observe/log.h"
#include "queue/reconnect_pause.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLearnPatience{1000};
constexpr milliseconds kLookAgain{20};

}  // namespace

KafkaWatch::KafkaWatch(const KafkaOptions& options, std::string name,
                       std::vector<KafkaTopicSpec> topics)
    : options_(options),
      name_(std::move(name)),
      topics_(std::move(topics)),
      health_(kafka_unavailable(options_, "not asked yet")) {}

void KafkaWatch::start(CurrentHandle current) {
  current_ = std::move(current);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void KafkaWatch::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  {
    const MutexLock lock(mutex_);
    changed_.notify_all();
  }
  thread_.join();
}

Status KafkaWatch::health() const {
  const MutexLock lock(mutex_);
  return health_;
}

void KafkaWatch::set_health(Status failed) {
  const MutexLock lock(mutex_);
  if (!latest_error_.empty()) {
    failed = {failed.code(), failed.text() + " (" + latest_error_ + ")"};
  }
  health_ = std::move(failed);
}

void KafkaWatch::suspect(const std::string& why) {
  const MutexLock lock(mutex_);
  ++suspicions_;
  if (ready_.exchange(false)) health_ = kafka_unavailable(options_, why);
  changed_.notify_all();
}

void KafkaWatch::on_error(rd_kafka_resp_err_t code, const std::string& reason) {
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return suspect("no broker can be reached");
  const MutexLock lock(mutex_);
  latest_error_ = reason;
}

Status KafkaWatch::check(const std::stop_token& stop) {
  const auto handle = current_();
  for (const KafkaTopicSpec& topic : topics_) {
    if (stop.stop_requested()) return {Code::closed, "shutting down"};
    if (Status failed = ensure(topic, handle->get(), stop); !failed.ok()) return failed;
  }
  return {};
}

Status KafkaWatch::ensure(const KafkaTopicSpec& topic, rd_kafka_t* client,
                          const std::stop_token& stop) {
  auto known = knows_topic(client, options_, topic);
  if (!known.has_value()) return known.error();
  if (*known) return {};
  if (Status failed = create_topic(client, options_, topic); !failed.ok()) return failed;
  // A consumer that subscribes before the broker has learned of it is told that there is no such
  // topic, and looks again after a second or two.
  const Time deadline = std::chrono::steady_clock::now() + kLearnPatience;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < deadline) {
    known = knows_topic(client, options_, topic);
    if (known.has_value() && *known) return {};
    pause(kLookAgain, stop);
  }
  if (!known.has_value()) return known.error();
  return kafka_unavailable(options_, "topic " + topic.name + ": created, and not known of yet");
}

void KafkaWatch::run(const std::stop_token& stop) {
  unsigned failures = 0;
  while (!stop.stop_requested()) {
    const std::uint64_t suspicions = suspicions_now();
    Status found = check(stop);
    if (found.ok()) {
      observe::info("kafka answers", {{"link", name_}});
      failures = 0;
      be_ready_until_suspected(suspicions, stop);
      continue;
    }
    if (failures == 0) {
      observe::warn("kafka can't be used, trying on", {{"link", name_}, {"error", found.text()}});
    }
    set_health(std::move(found));
    pause(reconnect_pause(failures++), stop);
  }
}

std::uint64_t KafkaWatch::suspicions_now() const {
  const MutexLock lock(mutex_);
  return suspicions_;
}

void KafkaWatch::be_ready_until_suspected(std::uint64_t suspicions, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  if (suspicions != suspicions_) return;  // in the middle of the check
  health_ = {};
  latest_error_.clear();
  ready_ = true;
  while (!stop.stop_requested() && suspicions == suspicions_) lock.wait(changed_);
}

void KafkaWatch::pause(Duration time, const std::stop_token& stop) {
  const Time end = std::chrono::steady_clock::now() + time;
  MutexLock lock(mutex_);
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < end) {
    lock.wait_until(changed_, end);
  }
}

}  // namespace millrace::queue
