#include "queue/composite/composite_dead_letters.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "fakes/messages.h"

namespace millrace::queue {
namespace {

// A list in memory; a page's position is the index of the next letter, from the newest.
class ListedLetters final : public DeadLetters {
 public:
  Status write(std::span<const DeadLetter> more) override {
    if (broken) return {Code::unavailable, "broken"};
    for (const DeadLetter& letter : more) add(std::string(letter.id), 0);
    return {};
  }
  Result<DeadLetterPage> list(std::string_view after, std::size_t max) override {
    if (broken) return Status(Code::unavailable, "broken");
    std::size_t at = after.empty() ? 0 : std::stoul(std::string(after));
    DeadLetterPage page;
    for (; at < letters.size() && page.letters.size() < max; ++at) {
      page.letters.push_back(letters[at]);
    }
    if (at < letters.size()) page.next = std::to_string(at);
    return page;
  }
  Status mark_replayed(std::span<const std::string> keys) override {
    replayed.insert(replayed.end(), keys.begin(), keys.end());
    return {};
  }
  // Newest first.
  void add(std::string id, std::int64_t when_ms) {
    KeptLetter letter;
    letter.key = "k" + id;
    letter.id = std::move(id);
    letter.dead_lettered_ms = when_ms;
    letters.push_back(std::move(letter));
  }

  std::vector<KeptLetter> letters;
  std::vector<std::string> replayed;
  bool broken = false;
};

struct Stores {
  std::shared_ptr<ListedLetters> a = std::make_shared<ListedLetters>();
  std::shared_ptr<ListedLetters> b = std::make_shared<ListedLetters>();
  CompositeDeadLetters both{{{"a", a}, {"b", b}}};
};

TEST_CASE("a letter is kept by the first store that takes it") {
  Stores t;
  const Message message = fakes::make_message(1);
  const DeadLetter letter = DeadLetter::of(message, "no", 1);
  CHECK(t.both.write({&letter, 1}).ok());
  t.a->broken = true;
  CHECK(t.both.write({&letter, 1}).ok());
  CHECK(t.a->letters.size() == 1);
  CHECK(t.b->letters.size() == 1);
  t.b->broken = true;
  CHECK(t.both.write({&letter, 1}).text() == "a: broken");
}

TEST_CASE("the stores are listed as one, newest first, whatever the size of a page") {
  const std::size_t max = GENERATE(1U, 2U, 3U, 4U, 100U);
  Stores t;
  for (const int when : {90, 60, 50, 10}) t.a->add("a" + std::to_string(when), when);
  for (const int when : {80, 70, 20}) t.b->add("b" + std::to_string(when), when);
  std::string ids;
  std::string after;
  do {
    const auto page = t.both.list(after, max);
    REQUIRE(page.has_value());
    CHECK(page->letters.size() <= max);
    for (const auto& letter : page->letters) {
      ids += letter.id + " ";
      CHECK(letter.key == letter.id.substr(0, 1) + ":k" + letter.id);
    }
    after = page->next;
  } while (!after.empty());
  CHECK(ids == "a90 b80 b70 a60 a50 b20 a10 ");
}

TEST_CASE("what isn't a position or a key is said so, and an unreadable store is named") {
  Stores t;
  for (const char* wrong : {"x", "a.", "a.1", "b.1~a.1", "a.1~b.1~c.1"}) {
    CAPTURE(wrong);
    CHECK(t.both.list(wrong, 1).error().code() == Code::invalid);
  }
  CHECK(t.both.mark_replayed(std::vector<std::string>{"b:1", "a:2", "b:3"}).ok());
  CHECK(t.a->replayed == std::vector<std::string>{"2"});
  CHECK(t.b->replayed == std::vector<std::string>{"1", "3"});
  CHECK(t.both.mark_replayed(std::vector<std::string>{"1"}).code() == Code::invalid);
  CHECK(t.both.mark_replayed(std::vector<std::string>{"c:1"}).code() == Code::invalid);
  t.b->broken = true;
  CHECK(t.both.list("", 1).error().text() == "b: broken");
}

}  // namespace
}  // namespace millrace::queue
