#include "edge/dlq/dlq_json.h"

#include <catch2/catch.hpp>

namespace millrace::edge {
namespace {

TEST_CASE("a page is asked for with a limit and a position") {
  const auto plain = parse_list_query("").value();
  CHECK(plain.limit == 50);
  CHECK(plain.after.empty());
  const auto full = parse_list_query("limit=1000&after=12-ab&other=x").value();
  CHECK(full.limit == 1000);
  CHECK(full.after == "12-ab");
  for (const char* wrong : {"limit=0", "limit=1001", "limit=x", "limit=", "limit", "limit=-1"}) {
    CAPTURE(wrong);
    CHECK(parse_list_query(wrong).error().code() == Code::rejected);
    CHECK_THAT(parse_list_query(wrong).error().text(), Catch::Contains("limit"));
  }
  CHECK(parse_list_query("after=" + std::string(129, 'x')).error().code() == Code::rejected);
}

TEST_CASE("a replay is asked for by exactly one of all, ids and reason") {
  CHECK(parse_replay_request(R"({"all":true})").value().all);
  CHECK(parse_replay_request(R"({"ids":["a","b","a"]})").value().ids.size() == 2);
  CHECK(parse_replay_request(R"({"reason":"late","x":1})").value().reason == "late");
  CHECK(parse_replay_request(R"({"all":true,"dryRun":true})").value().dry_run);
  CHECK_FALSE(parse_replay_request(R"({"all":true,"dryRun":false})").value().dry_run);
  CHECK(parse_replay_request("{").error().code() == Code::invalid);
  for (const char* wrong :
       {"[]", "1", "{}", R"({"dryRun":true})", R"({"all":false})", R"({"all":1})", R"({"ids":[]})",
        R"({"ids":"a"})", R"({"ids":[""]})", R"({"ids":[1]})", R"({"reason":""})",
        R"({"reason":1})", R"({"all":true,"reason":"x"})", R"({"all":true,"dryRun":"yes"})"}) {
    CAPTURE(wrong);
    CHECK(parse_replay_request(wrong).error().code() == Code::rejected);
  }
}

TEST_CASE("a listed letter says what is known, and not its payload") {
  queue::KeptLetter letter;
  letter.key = "7";
  letter.id = "i\xff";
  letter.source = "s";
  letter.reason = "why";
  letter.attempts = 3;
  letter.wire = "secret";
  letter.dead_lettered_ms = 1'767'323'045'678;
  CHECK(
      to_json(queue::DeadLetterPage{{letter}, ""}) ==
      R"({"deadLetters":[{"key":"7","id":"i)"
      "\xef\xbf\xbd"
      R"(","source":"s","reason":"why","attempts":3,"deadLetteredAt":"2026-01-02T03:04:05.678Z","bytes":6}]})");
  letter.origin = {"S", 2, 9, 1'767'323'045'000};
  const std::string text = to_json(queue::DeadLetterPage{{letter}, "n"});
  CHECK_THAT(text, Catch::Contains(R"("origin":{"stream":"S","position":9,"partition":2})"));
  CHECK_THAT(text, Catch::Contains(R"("firstFailedAt":"2026-01-02T03:04:05.000Z")"));
  CHECK_THAT(text, Catch::Contains(R"("next":"n")") && !Catch::Contains("secret"));
}

}  // namespace
}  // namespace millrace::edge
