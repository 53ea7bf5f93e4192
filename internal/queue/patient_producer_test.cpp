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
  ~Patience() { held->held.clear(); }  // what isn't judged holds the producer that holds it

  std::shared_ptr<HeldProducer> held = std::make_shared<HeldProducer>();
  HeldProducer& producer = *held;
  ManualClock clock;
  std::deque<std::pair<Duration, UniqueFunction<void()>>> later;
  PatientProducer patient{held,
                          [this](Duration pause, UniqueFunction<void()> task) {
                            later.emplace_back(pause, std::move(task));
                          },
                          clock};
  std::vector<Status> verdicts;
  int done = 0;
  bool cancelled = false;

  void publish(std::size_t count) {
    patient.publish_unless([this] { return cancelled; }, fakes::make_messages(count),
                           clock.now() + 1s,
                           [this](auto all) {
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

TEST_CASE("shortly before the deadline full is the answer", "[patient]") {
  Patience t;
  t.publish(1);
  while (t.done == 0) {
    if (!t.producer.held.empty()) t.producer.judge({kFull});
    if (!t.later.empty()) t.pass();
  }
  REQUIRE(t.verdicts.size() == 1);
  CHECK(t.verdicts[0].code() == Code::full);
  CHECK(t.clock.now() < Time{} + 1s);
  CHECK(t.clock.now() > Time{} + 850ms);
}

TEST_CASE("while some wait, who comes joins the line", "[patient]") {
  Patience t;
  t.publish(2);
  t.producer.judge({kFull, kFull});
  t.publish(3);
  CHECK(t.producer.held.empty());
  t.pass();
  CHECK(t.producer.judge({{}, {}}).size() == 2);
  CHECK(t.done == 1);
  CHECK(t.producer.judge({{}, {}, {}}).size() == 3);  // at once: there is room
  CHECK(t.done == 2);
  CHECK(t.later.empty());
  t.publish(1);
  CHECK(t.producer.judge({{}}) == Ids{"m-0"});
}

TEST_CASE("a queue that is behind is tried with few messages", "[patient]") {
  Patience t;
  t.publish(100);
  t.producer.judge(std::vector<Status>(100, kFull));
  t.pass();
  CHECK(t.producer.judge(std::vector<Status>(16, kFull)).size() == 16);
  t.pass();
  CHECK(t.producer.judge({kFull}).size() == 1);
  t.pass();
  std::vector<std::size_t> tried;
  while (t.done == 0) {
    tried.push_back(t.producer.held.at(0).batch.size());
    t.producer.judge(std::vector<Status>(tried.back()));
  }
  CHECK(tried == std::vector<std::size_t>{1, 2, 4, 8, 16, 32, 37});
  CHECK(t.verdicts == std::vector<Status>(100));
}

TEST_CASE("what is cancelled while it waits isn't published", "[patient]") {
  Patience t;
  t.publish(2);
  t.producer.judge({{}, kFull});
  t.cancelled = true;
  t.pass();
  CHECK(t.producer.held.empty());
  REQUIRE(t.verdicts.size() == 2);
  CHECK(t.verdicts[0].ok());
  CHECK(t.verdicts[1].code() == Code::closed);
}

TEST_CASE("a drain doesn't wait for room", "[patient]") {
  Patience t;
  t.publish(1);
  t.producer.judge({kFull});
  t.patient.stop_waiting();
  CHECK(t.patient.drain(std::chrono::steady_clock::now()).code() == Code::deadline);
  t.pass();
  REQUIRE(t.verdicts.size() == 1);
  CHECK(t.verdicts[0].code() == Code::full);
  CHECK(t.patient.drain(std::chrono::steady_clock::now()).ok());
  t.publish(1);
  t.producer.judge({kFull});
  t.pass();
  CHECK(t.done == 2);
}

}  // namespace
}  // namespace millrace::queue
