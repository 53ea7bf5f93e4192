#include "worker/file_dead_letters.h"

#include <catch2/catch.hpp>
#include <filesystem>

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

}  // namespace
}  // namespace millrace::worker
