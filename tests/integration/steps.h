// What the tests of the brokers' queues have in common.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "conformance/harness.h"
#include "integration/test_server.h"

namespace millrace::integration {

inline Time in(Duration time) { return std::chrono::steady_clock::now() + time; }

inline std::shared_ptr<conformance::Publication> publish(
    queue::Producer& producer, std::vector<Message> batch,
    Duration patience = std::chrono::seconds(5)) {
  auto publication = std::make_shared<conformance::Publication>();
  producer.publish(std::move(batch), in(patience), [publication](std::vector<Status> verdicts) {
    publication->called(std::move(verdicts));
  });
  publication->returned();
  return publication;
}

inline std::vector<Status> verdicts_of(conformance::Publication& publication) {
  auto verdicts = publication.wait(std::chrono::seconds(20));
  REQUIRE(verdicts.has_value());
  return *verdicts;
}

inline Status publish_one(queue::Producer& producer, Message message) {
  std::vector<Message> batch;
  batch.push_back(std::move(message));
  return verdicts_of(*publish(producer, std::move(batch))).front();
}

// Everything that comes until `enough(ids)`, acked.
template <class Enough>
std::multiset<std::string> take_until(queue::Consumer& consumer, Enough enough,
                                      Duration patience = std::chrono::seconds(20)) {
  std::multiset<std::string> ids;
  const Time deadline = in(patience);
  while (!enough(ids) && std::chrono::steady_clock::now() < deadline) {
    conformance::Deliveries out;
    static_cast<void>(consumer.receive(out, 256, in(std::chrono::milliseconds(200)), {}));
    for (auto& delivery : out) {
      ids.emplace(delivery.message().id());
      std::move(delivery).ack();
    }
  }
  return ids;
}

inline std::size_t distinct(const std::multiset<std::string>& ids) {
  return std::set<std::string>(ids.begin(), ids.end()).size();
}

// Publishes batches without pause, on a thread of its own, and notes what became of each message.
class Publishing {
 public:
  explicit Publishing(queue::Producer& producer, Duration deadline)
      : thread_([this, &producer, deadline](const std::stop_token& stop) {
          for (std::size_t first = 0; !stop.stop_requested(); first += 20) {
            auto batch = fakes::make_messages(20, first);
            const auto copies = batch;
            const auto verdicts =
                publish(producer, std::move(batch), deadline)->wait(std::chrono::seconds(30));
            if (!verdicts) return;
            for (std::size_t i = 0; i < copies.size(); ++i) note(copies[i], (*verdicts)[i]);
          }
        }) {}

  std::map<Code, std::set<std::string>> stop() {
    thread_.request_stop();
    thread_.join();
    const MutexLock lock(mutex_);
    return ids_;
  }
  std::size_t count(Code code) {
    const MutexLock lock(mutex_);
    return ids_[code].size();
  }

 private:
  void note(const Message& message, const Status& verdict) {
    const MutexLock lock(mutex_);
    ids_[verdict.code()].emplace(message.id());
  }

  Mutex mutex_;
  std::map<Code, std::set<std::string>> ids_ GUARDED_BY(mutex_);
  std::jthread thread_;
};

// Each that was stored comes, none comes that was refused.
inline void expect_kept(queue::Consumer& consumer,
                        std::map<Code, std::set<std::string>>& published) {
  const auto& stored = published[Code::ok];
  const auto came = take_until(consumer, [&](const auto& ids) {
    return std::includes(ids.begin(), ids.end(), stored.begin(), stored.end());
  });
  std::vector<std::string> lost;
  std::set_difference(stored.begin(), stored.end(), came.begin(), came.end(),
                      std::back_inserter(lost));
  CHECK(lost.size() == 0);
  for (const Code refused : {Code::unavailable, Code::full, Code::closed}) {
    std::vector<std::string> kept;
    std::set_intersection(published[refused].begin(), published[refused].end(), came.begin(),
                          came.end(), std::back_inserter(kept));
    CAPTURE(code_name(refused));
    CHECK(kept.empty());
  }
}

// Kills the server twice and restarts it, under load: stored is kept, refused isn't there.
template <class Rig>
void expect_kept_through_kills(TestServer& server, Rig& rig) {
  Publishing publishing(rig.producer(), std::chrono::seconds(3));
  for (int round = 0; round < 2; ++round) {
    const std::size_t before = publishing.count(Code::ok);
    REQUIRE(eventually([&] { return publishing.count(Code::ok) > before + 200; }));
    server.kill();
    const std::size_t refused = publishing.count(Code::unavailable);
    REQUIRE(eventually([&] { return publishing.count(Code::unavailable) > refused; }));
    server.restart();
    REQUIRE(eventually([&] { return rig.health().ok(); }));
  }
  auto published = publishing.stop();
  CHECK(published[Code::ok].size() > 400);
  expect_kept(rig.consumer(), published);
}

}  // namespace millrace::integration
