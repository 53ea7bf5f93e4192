#include "queue/composite/composite_producer.h"

#include <catch2/catch.hpp>

#include "fakes/executors.h"
#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using Catch::Matchers::Contains;
using fakes::make_messages;

// Answers when the test says so.
class ScriptedProducer final : public Producer {
 public:
  void publish(std::vector<Message> batch, Time /*deadline*/, PublishDone done) override {
    published.insert(published.end(), batch.begin(), batch.end());
    waiting = std::move(done);
  }
  [[nodiscard]] Status health() const override { return now; }
  [[nodiscard]] ProducerStats producer_stats() const override { return {}; }
  [[nodiscard]] std::uint64_t message_bytes_max() const override { return bytes_max; }
  void abort() override {
    if (waiting) answer(std::vector<Status>(published.size(), {Code::deadline, "aborted"}));
  }

  void answer(std::vector<Status> verdicts) {
    std::exchange(waiting, PublishDone())(std::move(verdicts));
  }

  std::vector<Message> published;
  PublishDone waiting;
  Status now;
  std::uint64_t bytes_max = UINT64_MAX;
};

struct Composite {
  explicit Composite(CompositeStrategy strategy)
      : producer({{"a", a}, {"b", b}}, strategy, {}, executor) {}

  // Without an answer yet: empty.
  std::vector<Status> verdicts() {
    executor.run_all();
    return answer;
  }
  void publish(std::vector<Message> batch) {
    producer.publish(std::move(batch), Time::max(),
                     [this](std::vector<Status> verdicts) { answer = std::move(verdicts); });
  }
  ~Composite() {
    producer.abort();
    executor.run_all();
  }

  fakes::ManualExecutor executor;
  std::shared_ptr<ScriptedProducer> a = std::make_shared<ScriptedProducer>();
  std::shared_ptr<ScriptedProducer> b = std::make_shared<ScriptedProducer>();
  std::vector<Status> answer;
  CompositeProducer producer;
};

const Status kRefused(Code::unavailable, "it is down");
const Status kUnknown(Code::deadline, "no answer");

TEST_CASE("fail-fast: accepted when all have it, and not before") {
  Composite t(CompositeStrategy::fail_fast);
  t.publish(make_messages(2));
  CHECK(t.a->published.size() == 2);
  CHECK(t.b->published.size() == 2);
  t.a->answer({{}, {}});
  CHECK(t.verdicts().empty());
  t.b->answer({{}, kRefused});
  REQUIRE(t.verdicts().size() == 2);
  CHECK(t.answer[0].ok());
  CHECK(t.answer[1].code() == Code::deadline);  // it is in a
  CHECK_THAT(t.answer[1].text(), Contains("b: it is down") && Contains("another provider"));
  CHECK(t.producer.producer_stats().stored == 1);
  CHECK(t.producer.producer_stats().unknown == 1);
}

TEST_CASE("fail-fast: what no provider has is refused, what one may have is unknown") {
  Composite t(CompositeStrategy::fail_fast);
  t.publish(make_messages(2));
  t.b->answer({kRefused, kUnknown});
  t.a->answer({kRefused, kRefused});
  REQUIRE(t.verdicts().size() == 2);
  CHECK(t.answer[0].code() == Code::unavailable);
  CHECK_THAT(t.answer[0].text(), Contains("a: it is down"));
  CHECK(t.answer[1].code() == Code::deadline);
}

TEST_CASE("fail-fast: with a provider down nothing is sent to the others") {
  Composite t(CompositeStrategy::fail_fast);
  t.b->now = kRefused;
  CHECK_THAT(t.producer.health().text(), Contains("b: it is down"));
  t.publish(make_messages(1));
  REQUIRE(t.verdicts().size() == 1);
  CHECK(t.answer[0].code() == Code::unavailable);
  CHECK(t.a->published.empty());
}

TEST_CASE("fail-fast: what one provider doesn't take isn't sent to any") {
  Composite t(CompositeStrategy::fail_fast);
  t.b->bytes_max = 100;
  std::vector<Message> batch = make_messages(1);
  batch.push_back(fakes::make_message(2, std::string(200, 'x')));
  t.publish(std::move(batch));
  CHECK(t.a->published.size() == 1);
  t.a->answer({{}});
  t.b->answer({{}});
  REQUIRE(t.verdicts().size() == 2);
  CHECK(t.answer[0].ok());
  CHECK(t.answer[1].code() == Code::too_large);
}

TEST_CASE("best-effort: accepted as soon as one has it, what the other misses is counted") {
  Composite t(CompositeStrategy::best_effort);
  t.a->now = kRefused;
  CHECK(t.producer.health().ok());
  t.publish(make_messages(2));
  t.b->answer({{}, {}});
  REQUIRE(t.verdicts().size() == 2);
  CHECK(t.answer[0].ok());
  CHECK(t.producer.part_stats()[0].missing == 0);
  t.a->answer({kRefused, {}});
  CHECK(t.producer.part_stats()[0].missing == 1);
  CHECK(t.producer.part_stats()[1].missing == 0);
  CHECK_FALSE(t.producer.part_stats()[0].healthy);
  CHECK(t.producer.part_stats()[1].name == "b");
}

TEST_CASE("best-effort: refused when all refuse, unknown when one may have it") {
  Composite t(CompositeStrategy::best_effort);
  t.publish(make_messages(2));
  t.a->answer({kRefused, kRefused});
  CHECK(t.verdicts().empty());
  t.b->answer({kRefused, kUnknown});
  REQUIRE(t.verdicts().size() == 2);
  CHECK(t.answer[0].code() == Code::unavailable);
  CHECK(t.answer[1].code() == Code::deadline);
  CHECK(t.producer.part_stats()[0].missing == 0);
  t.a->now = t.b->now = kRefused;
  CHECK_THAT(t.producer.health().text(), Contains("a: it is down"));
}

TEST_CASE("the last provider may answer after the composite's own drain") {
  Composite t(CompositeStrategy::best_effort);
  t.publish(make_messages(1));
  t.b->answer({{}});
  CHECK(t.verdicts().size() == 1);
  t.producer.stop_accepting();
  CHECK(t.producer.drain(Time::max()).ok());
  t.publish(make_messages(1));
  CHECK(t.verdicts().front().code() == Code::closed);
  // a answers when it is aborted, in the destructor
}

}  // namespace
}  // namespace millrace::queue
