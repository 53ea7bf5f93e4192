#include "edge/dlq/replay.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "fakes/messages.h"

namespace millrace::edge {
namespace {

// Letters "m-0", "m-1", ... with their number as key, newest (highest) first.
class ListedLetters final : public queue::DeadLetters {
 public:
  explicit ListedLetters(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add(i % 2 == 0 ? "even" : "odd");
  }
  void add(std::string reason, std::string wire = {}) {
    queue::KeptLetter letter;
    const Message message = fakes::make_message(letters_.size());
    letter.key = std::to_string(letters_.size());
    letter.id = message.id();
    letter.wire = wire.empty() ? message.wire() : std::move(wire);
    letter.reason = std::move(reason);
    letters_.push_back(std::move(letter));
  }

  Status write(std::span<const queue::DeadLetter>) override { return {}; }
  Result<queue::DeadLetterPage> list(std::string_view after, std::size_t max) override {
    queue::DeadLetterPage page;
    std::size_t i = after.empty() ? letters_.size() : std::stoul(std::string(after));
    while (i-- > 0) {
      if (marked.contains(letters_[i].key)) continue;
      if (page.letters.size() == max) {
        page.next = page.letters.back().key;
        break;
      }
      page.letters.push_back(letters_[i]);
    }
    return page;
  }
  Status mark_replayed(std::span<const std::string> keys) override {
    if (broken) return {Code::unavailable, "the store is broken"};
    marked.insert(keys.begin(), keys.end());
    return {};
  }

  std::set<std::string> marked;
  bool broken = false;

 private:
  std::vector<queue::KeptLetter> letters_;
};

class Storing final : public queue::Producer {
 public:
  void publish(std::vector<Message> batch, Time, queue::PublishDone done) override {
    std::vector<Status> verdicts;
    for (Message& message : batch) {
      const bool room = stored.size() < capacity;
      verdicts.emplace_back(room ? Status() : Status(Code::full, "full"));
      if (room) stored.push_back(std::move(message));
    }
    if (on_publish) on_publish();
    done(std::move(verdicts));
  }
  [[nodiscard]] Status health() const override { return {}; }
  [[nodiscard]] queue::ProducerStats producer_stats() const override { return {}; }

  std::vector<Message> stored;
  std::size_t capacity = 1'000'000;
  std::function<void()> on_publish;
};

Time soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

TEST_CASE("all are replayed, each once, and not listed any more") {
  ListedLetters letters(250);
  Storing producer;
  const auto outcome = replay(letters, producer, {.all = true}, soon());
  CHECK(outcome.matched == 250);
  CHECK(outcome.replayed == 250);
  CHECK(outcome.failed == 0);
  CHECK_FALSE(outcome.more);
  CHECK(producer.stored.size() == 250);
  CHECK(letters.list("", 1).value().letters.empty());
  std::set<std::uint64_t> numbers;
  for (const Message& message : producer.stored) numbers.insert(message.replay());
  CHECK(numbers.size() == 250);
  CHECK_FALSE(numbers.contains(0));
}

TEST_CASE("some are replayed: by id, by a part of the reason; a dry run only counts") {
  ListedLetters letters(10);
  Storing producer;
  CHECK(replay(letters, producer, {.reason = "od", .dry_run = true}, soon()).matched == 5);
  CHECK(producer.stored.empty());
  CHECK(replay(letters, producer, {.ids = {"m-3", "m-4", "nobody"}}, soon()).replayed == 2);
  CHECK(letters.marked == std::set<std::string>{"3", "4"});
  CHECK(replay(letters, producer, {.reason = "od"}, soon()).replayed == 4);
}

TEST_CASE("what becomes a dead letter during the replay isn't met by it") {
  ListedLetters letters(3);
  Storing producer;
  producer.on_publish = [&] { letters.add("again"); };
  CHECK(replay(letters, producer, {.all = true}, soon()).replayed == 3);
  CHECK(letters.list("", 10).value().letters.size() == 1);
}

TEST_CASE("what the queue doesn't take stays listed, and the rest are told") {
  ListedLetters letters(250);
  Storing producer;
  producer.capacity = 120;
  const auto outcome = replay(letters, producer, {.all = true}, soon());
  CHECK(outcome.replayed == 120);
  CHECK(outcome.failed == 80 + 50);
  CHECK(outcome.first_failure.code() == Code::full);
  CHECK(letters.marked.size() == 120);
}

TEST_CASE("a replay that was interrupted before the mark is repeated with the same number") {
  ListedLetters letters(1);
  Storing producer;
  letters.broken = true;
  CHECK(replay(letters, producer, {.all = true}, soon()).first_failure.code() == Code::unavailable);
  letters.broken = false;
  CHECK(replay(letters, producer, {.all = true}, soon()).replayed == 1);
  REQUIRE(producer.stored.size() == 2);
  CHECK(producer.stored[0].replay() == producer.stored[1].replay());
}

TEST_CASE("a foreign letter can't be replayed, and doesn't keep the others") {
  ListedLetters letters(2);
  letters.add("foreign", "\xff not a message");
  Storing producer;
  const auto outcome = replay(letters, producer, {.all = true}, soon());
  CHECK(outcome.replayed == 2);
  CHECK(outcome.failed == 1);
  CHECK_THAT(outcome.first_failure.text(), Catch::Contains("can't be replayed"));
}

}  // namespace
}  // namespace millrace::edge
