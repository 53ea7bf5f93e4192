#include "queue/patient_producer.h"

#include <catch2/catch.hpp>
#include <deque>

#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using namespace std::chrono_literals;

// Takes batches and lets the test judge them.
class HeldProducer final : public Producer {
 public:
  struct Held {
    std::vector<Message> batch;
    PublishDone done;
  };
  void publish(std::vector<Message> batch, Time /*deadline*/, PublishDone done) override {
    held.push_back({std::move(batch), std::move(done)});
  }
  [[nodiscard]] Status health() const override { return {}; }
  [[nodiscard]] ProducerStats producer_stats() const override { return {}; }

  // The ids of the oldest batch, which gets these verdicts.
  std::vector<std::string> judge(std::vector<Status> verdicts) {
    Held oldest = std::move(held.at(0));
    held.pop_front();
    std::vector<std::string> ids;
    for (const Message& message : oldest.batch) ids.emplace_back(message.id());
    oldest.done(std::move(verdicts));
    return ids;
  }

  std::deque<Held> held;
};

struct Patience {
  HeldProducer producer;
  ManualClock clock;
  std::deque<std::pair<Duration, UniqueFunction<void()>>> later;
  PatientProducer patient{producer,
                          [this](Duration pause, UniqueFunction<void()> task) {
                            later.emplace_back(pause, std::move(task));
                          },
                          clock};
  std::vector<Status> verdicts;
  int done = 0;

  void publish(std::size_t count) {
    patient.publish(fakes::make_messages(count), clock.now() + 1s, [this](auto all) {
      verdicts = std::move(all);
      ++done;
    });
  }
  // Lets the next pause pass; returns how long it was.
  Duration pass() {
    auto [pause, task] = std::move(later.at(0));
    later.pop_front();
    clock.advance(pause);
    task();
    return pause;
  }
};

const Status kFull(Code::full, "full");
const Status kDown(Code::unavailable, "down");
using Ids = std::vector<std::string>;

TEST_CASE("what was full is published again, and nothing else is", "[patient]") {
  Patience t;
  t.publish(4);
  CHECK(t.producer.judge({{}, kFull, kDown, kFull}) == Ids{"m-0", "m-1", "m-2", "m-3"});
  CHECK(t.done == 0);
  CHECK(t.producer.held.empty());
  t.pass();
  CHECK(t.producer.judge({{}, kFull}) == Ids{"m-1", "m-3"});
  t.pass();
  CHECK(t.producer.judge({{}}) == Ids{"m-3"});
  CHECK(t.done == 1);
  CHECK(t.verdicts == std::vector<Status>{{}, {}, kDown, {}});
}

TEST_CASE("pauses grow while nothing goes, up to a bound", "[patient]") {
  Patience t;
  t.publish(2);
  t.producer.judge({kFull, kFull});
  Duration last = t.pass();
  for (int i = 0; i < 10; ++i) {
    t.producer.judge({kFull, kFull});
    const Duration pause = t.pass();
    CHECK(pause == std::min<Duration>(2 * last, 64ms));
    last = pause;
  }
  t.producer.judge({{}, kFull});
  CHECK(t.pass() == 1ms);
}

TEST_CASE("at the deadline full is the answer", "[patient]") {
  Patience t;
  t.publish(1);
  while (t.done == 0) {
    t.producer.judge({kFull});
    if (!t.later.empty()) t.pass();
  }
  CHECK(t.verdicts == std::vector<Status>{kFull});
  CHECK(t.clock.now() <= Time{} + 1s);
  CHECK(t.clock.now() > Time{} + 900ms);
}

TEST_CASE("a drain doesn't wait for room", "[patient]") {
  Patience t;
  t.publish(1);
  t.producer.judge({kFull});
  t.patient.stop_accepting();
  CHECK(t.patient.drain(std::chrono::steady_clock::now()).code() == Code::deadline);
  t.pass();
  t.producer.judge({kFull});
  CHECK(t.verdicts == std::vector<Status>{kFull});
  CHECK(t.patient.drain(std::chrono::steady_clock::now()).ok());
}

}  // namespace
}  // namespace millrace::queue
