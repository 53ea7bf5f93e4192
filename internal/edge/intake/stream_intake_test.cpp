#include "edge/intake/stream_intake.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "fakes/executors.h"

namespace millrace::edge {
namespace {

struct Published {
  std::vector<std::string> sources;
  IngestDone done;
};

struct Stream final : IntakeListener, std::enable_shared_from_this<Stream> {
  void on_verdicts(std::uint64_t first, const std::vector<IngestAnswer>& answers) override {
    for (std::size_t i = 0; i < answers.size(); ++i)
      told.emplace_back(first + i, answers[i].status);
  }
  void on_room() override { ++rooms; }
  void on_idle() override { ++idles; }

  std::vector<std::pair<std::uint64_t, Status>> told;
  int rooms = 0;
  int idles = 0;
};

struct Intake {
  explicit Intake(IntakeLimits limits = {}, std::uint64_t budget_bytes = 1'000'000)
      : budget(budget_bytes) {
    intake = std::make_shared<StreamIntake>(
        [this](std::vector<Result<IngestItem>> items, IngestDone done) {
          Published& batch = published.emplace_back();
          for (auto& item : items) {
            batch.sources.push_back(item ? item->fields.source : item.error().text());
          }
          batch.done = std::move(done);
        },
        executor, budget, stream, limits);
  }

  bool add(const std::string& source, std::size_t bytes = 10) {
    budget.take_more(bytes);
    return intake->add(IngestItem{{source, "", {}}}, bytes);
  }
  // All of the oldest batch get it, and the next sets out.
  void answer(const Status& status = {}) {
    Published batch = std::move(published.at(0));
    published.erase(published.begin());
    std::vector<IngestAnswer> answers;
    for (const auto& source : batch.sources) answers.push_back({status, "id-" + source});
    batch.done(std::move(answers));
    executor.run_all();
  }

  fakes::ManualExecutor executor;
  ByteBudget budget;
  std::shared_ptr<Stream> stream = std::make_shared<Stream>();
  std::vector<Published> published;
  std::shared_ptr<StreamIntake> intake;
};

using Sources = std::vector<std::string>;

TEST_CASE("while a batch is under way the next is gathered", "[intake]") {
  Intake t;
  CHECK(t.add("a"));
  CHECK(t.add("b"));
  CHECK(t.published.empty());
  t.executor.run_all();
  REQUIRE(t.published.size() == 1);
  CHECK(t.published[0].sources == Sources{"a", "b"});
  CHECK(t.add("c"));
  t.executor.run_all();
  CHECK(t.published.size() == 1);
  t.answer();
  REQUIRE(t.published.size() == 1);
  CHECK(t.published[0].sources == Sources{"c"});
  CHECK(t.stream->idles == 0);
  CHECK_FALSE(t.intake->idle());
  t.answer();
  CHECK(t.stream->idles == 1);
  CHECK(t.intake->idle());
  CHECK(t.budget.taken() == 0);
}

TEST_CASE("verdicts come once each, in order, and are counted", "[intake]") {
  Intake t;
  for (const char* source : {"a", "b"}) CHECK(t.add(source));
  t.executor.run_all();
  CHECK(t.add("c"));
  const Status full(Code::full, "full");
  t.answer();
  t.answer(full);
  CHECK(t.stream->told == decltype(t.stream->told){{0, {}}, {1, {}}, {2, full}});
  const StreamProgress progress = t.intake->progress();
  CHECK(progress.received == 3);
  CHECK(progress.accepted == 2);
  CHECK(progress.rejected == 1);
  CHECK(progress.last_message_id == "id-b");
  CHECK(progress.first_error == full);
  CHECK(progress.first_error_index == 2);
}

TEST_CASE("what is full isn't read on, by messages or bytes", "[intake]") {
  Intake t({.messages_max = 2, .bytes_max = 100});
  CHECK(t.add("a"));
  t.executor.run_all();
  CHECK(t.add("b"));
  CHECK_FALSE(t.add("c"));
  CHECK(t.stream->rooms == 0);
  t.answer();
  CHECK(t.stream->rooms == 1);
  CHECK_FALSE(t.add("large", 100));
  t.answer();
  CHECK(t.stream->rooms == 2);
}

TEST_CASE("streams wait for each other's bytes, first come first served", "[intake]") {
  ByteBudget budget(100);
  std::vector<int> resumed;
  budget.take_more(150);
  CHECK_FALSE(budget.try_take(1));
  budget.take_later(60, [&] { resumed.push_back(1); });
  budget.take_later(10, [&] { resumed.push_back(2); });
  budget.give(40);
  CHECK(resumed.empty());
  budget.give(20);
  CHECK(resumed == std::vector<int>{1});  // 150 again
  CHECK_FALSE(budget.try_take(1));
  budget.give(51);
  CHECK(resumed == std::vector<int>{1, 2});
  CHECK(budget.taken() == 109);
  budget.give(10);
  CHECK(budget.try_take(10));
  CHECK_FALSE(budget.try_take(1));
  budget.give(109);
  budget.take_later(5, [&] { resumed.push_back(3); });
  CHECK(resumed.size() == 3);
}

// Thousands of streams that were cancelled while they waited once went as deep into the stack.
TEST_CASE("who gives back what he was let in with doesn't let in the next himself", "[intake]") {
  ByteBudget budget(10);
  budget.take_more(10);
  int depth = 0;
  int deepest = 0;
  int went = 0;
  for (int i = 0; i < 1'000; ++i) {
    budget.take_later(10, [&] {
      deepest = std::max(deepest, ++depth);
      ++went;
      budget.give(10);
      --depth;
    });
  }
  budget.give(10);
  CHECK(went == 1'000);
  CHECK(deepest == 1);
  CHECK(budget.taken() == 0);
}

TEST_CASE("many threads find room again", "[intake]") {
  ByteBudget budget(10);
  std::atomic<int> went{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        const auto go = [&] {
          ++went;
          budget.give(5);
        };
        if (budget.try_take(5)) {
          go();
        } else {
          budget.take_later(5, go);
        }
      }
    });
  }
  threads.clear();
  CHECK(went == 80'000);
  CHECK(budget.taken() == 0);
}

// What is invalid, or was sent before, is answered within publish(). It used to go deeper into the
// stack with each batch.
TEST_CASE("batches that are answered at once come one after the other", "[intake]") {
  fakes::ManualExecutor executor;
  ByteBudget budget(1'000);
  auto stream = std::make_shared<Stream>();
  std::shared_ptr<StreamIntake> intake;
  int depth = 0;
  int batches = 0;
  intake = std::make_shared<StreamIntake>(
      [&](std::vector<Result<IngestItem>> items, IngestDone done) {
        CHECK(++depth == 1);
        if (++batches < 10) (void)intake->add(IngestItem{{"again", "", {}}}, 0);
        done(std::vector<IngestAnswer>(items.size()));
        --depth;
      },
      executor, budget, stream);
  CHECK(intake->add(IngestItem{{"first", "", {}}}, 0));
  executor.run_all();
  CHECK(batches == 10);
  CHECK(stream->idles == 1);
  CHECK(intake->progress().accepted == 10);
}

TEST_CASE("what is discarded isn't published, what is under way is judged", "[intake]") {
  Intake t;
  CHECK(t.add("a"));
  t.executor.run_all();
  CHECK(t.add("b"));
  t.intake->discard();
  CHECK(t.add("c"));
  CHECK(t.budget.taken() == 10);
  t.answer();
  CHECK(t.budget.taken() == 0);
  CHECK(t.published.empty());
  CHECK(t.stream->told.size() == 1);
  CHECK(t.intake->idle());
  CHECK(t.intake->progress().received == 3);
}

TEST_CASE("a stream that is gone has its books closed all the same", "[intake]") {
  Intake t;
  CHECK(t.add("a"));
  t.executor.run_all();
  t.stream.reset();
  t.answer();
  CHECK(t.budget.taken() == 0);
  CHECK(t.intake->idle());
}

}  // namespace
}  // namespace millrace::edge
