#include "worker/file_dead_letters.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "fakes/messages.h"
#include "fakes/temp_dir.h"

namespace millrace::worker {
namespace {

using Catch::Matchers::Contains;
using fakes::read_file;
using fakes::TempDir;

TEST_CASE("FileDeadLetters keeps a line per letter with all that is known") {
  const TempDir dir;
  const ManualClock clock(1'767'323'045'678);
  FileDeadLetters letters({.path = dir / "dead.ndjson", .clock = &clock});
  REQUIRE(letters.start().ok());
  const MessageFields fields{.id = "id-1",
                             .timestamp = 1'767'323'000,
                             .source = "a \"b\"",
                             .payload = "hi",
                             .metadata = {{"k", "v"}}};
  const Message first = Message::encode(fields);
  const Message second = fakes::make_message(2, "");
  const std::vector two{queue::DeadLetter::of(first, "why\nnot", 3),
                        queue::DeadLetter::of(second, "bad", 1)};
  REQUIRE(letters.write(two).ok());
  REQUIRE(letters.flush().ok());
  CHECK(
      read_file(dir / "dead.ndjson") ==
      R"({"id":"id-1","source":"a \"b\"","reason":"why\nnot","attempts":3,"dead_lettered_at":"2026-01-02T03:04:05.678Z","message":{"id":"id-1","timestamp":"1767323000","source":"a \"b\"","payload":"aGk=","metadata":{"k":"v"}}})"
      "\n"
      R"({"id":"m-2","source":"test","reason":"bad","attempts":1,"dead_lettered_at":"2026-01-02T03:04:05.678Z","message":{"id":"m-2","timestamp":"1700000000","source":"test","payload":"","metadata":{}}})"
      "\n");
}

TEST_CASE("FileDeadLetters keeps the bytes of what can't be decoded") {
  const TempDir dir;
  FileDeadLetters letters({.path = dir / "dead.ndjson"});
  REQUIRE(letters.start().ok());
  const MessageFields fields{
      .id = "i", .timestamp = 0, .source = "s", .payload = "", .metadata = {{"k", "\xff"}}};
  const Message message = Message::encode(fields);
  const auto letter = queue::DeadLetter::of(message, "not a diplom.v1.DataMessage", 1);
  REQUIRE(letters.write({&letter, 1}).ok());
  // 0a 01 'i', 1a 01 's', 2a 06 (0a 01 'k' 12 01 ff)
  CHECK_THAT(read_file(dir / "dead.ndjson"), Contains(R"("wire":"CgFpGgFzKgYKAWsSAf8="})"));
  CHECK_THAT(read_file(dir / "dead.ndjson"), !Contains(R"("message")"));
}

TEST_CASE("FileDeadLetters: a full disk or an unopened file is an error, nothing is half written") {
  const Message message = fakes::make_message(1);
  const auto letter = queue::DeadLetter::of(message, "why", 1);
  FileDeadLetters full({.path = "/dev/full"});
  CHECK(full.write({&letter, 1}).code() == Code::unavailable);
  REQUIRE(full.start().ok());
  CHECK_THAT(full.write({&letter, 1}).text(), Contains("No space left on device"));
  FileDeadLetters nowhere({.path = "/nonexistent/dead"});
  CHECK_THAT(nowhere.start().text(), Contains("/nonexistent/dead"));
}

TEST_CASE("FileDeadLetters::reopen goes on in a new file") {
  const TempDir dir;
  FileDeadLetters letters({.path = dir / "d"});
  REQUIRE(letters.start().ok());
  const Message message = fakes::make_message(1);
  const auto letter = queue::DeadLetter::of(message, "why", 1);
  REQUIRE(letters.write({&letter, 1}).ok());
  std::filesystem::rename(dir / "d", dir / "d.1");
  REQUIRE(letters.reopen().ok());
  REQUIRE(letters.write({&letter, 1}).ok());
  CHECK(fakes::split_lines(read_file(dir / "d")).size() == 1);
  CHECK(fakes::split_lines(read_file(dir / "d.1")).size() == 1);
}

std::vector<std::string> ids_of(const queue::DeadLetterPage& page) {
  std::vector<std::string> ids;
  for (const auto& letter : page.letters) ids.push_back(letter.id);
  return ids;
}

TEST_CASE("FileDeadLetters lists the newest first, in pages, without those that were replayed") {
  const TempDir dir;
  const ManualClock clock(1'767'323'045'678);
  FileDeadLetters letters({.path = dir / "d", .clock = &clock});
  REQUIRE(letters.start().ok());
  const auto write = [&](std::size_t number) {
    const Message message = fakes::make_message(number);
    const auto letter = queue::DeadLetter::of(message, "why \"not\"", 3);
    REQUIRE(letters.write({&letter, 1}).ok());
  };
  for (std::size_t i = 0; i < 5; ++i) write(i);

  const auto first = letters.list("", 2).value();
  CHECK(ids_of(first) == std::vector<std::string>{"m-4", "m-3"});
  CHECK(first.letters[0].wire == fakes::make_message(4).wire());
  CHECK(first.letters[0].source == "test");
  CHECK(first.letters[0].reason == "why \"not\"");
  CHECK(first.letters[0].attempts == 3);
  CHECK(first.letters[0].dead_lettered_ms == 1'767'323'045'678);
  write(5);  // the next page doesn't move
  REQUIRE(letters.mark_replayed(std::vector{first.letters[1].key}).ok());
  REQUIRE(letters.mark_replayed(std::vector{first.letters[1].key}).ok());
  const auto second = letters.list(first.next, 2).value();
  CHECK(ids_of(second) == std::vector<std::string>{"m-2", "m-1"});
  const auto third = letters.list(second.next, 2).value();
  CHECK(ids_of(third) == std::vector<std::string>{"m-0"});
  CHECK(third.next.empty());
  CHECK(ids_of(letters.list("", 3).value()) == std::vector<std::string>{"m-5", "m-4", "m-2"});
  for (const char* nonsense : {"x", "12", "-1-0", "12:34"}) {
    CHECK(letters.list(nonsense, 1).error().code() == Code::invalid);
    CHECK(letters.mark_replayed(std::vector<std::string>{nonsense}).code() == Code::invalid);
  }
}

TEST_CASE("FileDeadLetters: lines that aren't letters are passed over, wire bytes come back") {
  const TempDir dir;
  FileDeadLetters letters({.path = dir / "d"});
  std::ofstream(dir / "d") << "not json\n[]\n{\"id\":1}\n"
                           << R"({"id":"torn","sou)";
  REQUIRE(letters.start().ok());
  queue::DeadLetter foreign;
  foreign.wire = "\xff not a message";
  foreign.reason = "foreign";
  REQUIRE(letters.write({&foreign, 1}).ok());
  const auto page = letters.list("", 10).value();
  REQUIRE(page.letters.size() == 1);
  CHECK(page.letters[0].wire == "\xff not a message");
  CHECK(page.letters[0].id.empty());
}

}  // namespace
}  // namespace millrace::worker
