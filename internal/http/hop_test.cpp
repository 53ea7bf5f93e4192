// How the hop gathers and sends. What it does when the other end fails: hop_failure_test.cpp.
#include "http/hop.h"

#include <catch2/catch.hpp>

#include "http/test_hop.h"

namespace millrace::http {
namespace {

using namespace testing;

std::vector<std::string> numbered(std::size_t count, const std::string& prefix = "ok:") {
  std::vector<std::string> bodies;
  for (std::size_t i = 0; i < count; ++i) bodies.push_back(prefix + std::to_string(i));
  return bodies;
}

TEST_CASE("a single item is sent at once, with all it has") {
  HopUpstream upstream;
  TestHop hop({upstream.upstream()});
  hop.submit({"ok:a"});
  const auto answer = hop.one();
  CHECK(answer.code == Code::ok);
  CHECK(answer.text == "a");
  const auto batch = upstream.batch();
  REQUIRE(batch.size() == 1);
  CHECK(batch[0].body == "ok:a");
  CHECK(batch[0].request_id == "id");
  CHECK(batch[0].idempotency_key == "key");
}

TEST_CASE("what comes while a batch is under way goes as one batch, in order") {
  HopUpstream upstream(true);
  TestHop hop({upstream.upstream()});
  hop.submit({"ok:first"});
  CHECK(upstream.batch().size() == 1);  // it is under way
  for (const auto& body : numbered(10)) hop.submit({body});
  CHECK(!hop.has_answers());
  CHECK(!upstream.has_batch());
  upstream.uncork();
  CHECK(hop.one().text == "first");
  const auto gathered = upstream.batch();
  REQUIRE(gathered.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(gathered[i].body == "ok:" + std::to_string(i));
    CHECK(hop.one().text == std::to_string(i));
  }
  CHECK(upstream.connections() == 1);
  CHECK(hop.counted("connections_opened_total") == 1);
  CHECK(hop.counted("batch_size_count") == 2);
  CHECK(hop.counted("batch_size_sum") == 11);
  CHECK(hop.counted("exchange_seconds_count") == 2);
}

TEST_CASE("what one round of the loop brings goes as one batch, the first of it too") {
  HopUpstream upstream;
  TestHop hop({upstream.upstream()});
  hop.submit_in_one_round(numbered(5));
  CHECK(upstream.batch().size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(hop.one().text == std::to_string(i));
  CHECK(hop.counted("batch_size_count") == 1);
}

TEST_CASE("each item gets its own answer, and a bad one fails alone") {
  HopUpstream upstream;
  TestHop hop({upstream.upstream()});
  hop.submit({"ok:a", "bad", "ok:b"});
  const auto answers = hop.answers();
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].code == Code::ok);
  CHECK(answers[0].text == "a");
  CHECK(answers[1].code == Code::rejected);
  CHECK(answers[1].text == "bad");
  CHECK(answers[2].code == Code::ok);
  CHECK(answers[2].text == "b");
}

TEST_CASE("no items have no answers, but an end") {
  HopUpstream upstream;
  TestHop hop({upstream.upstream()});
  hop.submit({});
  CHECK(hop.answers().empty());
  CHECK(!upstream.has_batch());
}

TEST_CASE("a batch is bounded in items") {
  HopUpstream upstream(true);
  TestHop hop({upstream.upstream()});
  const auto bodies = numbered(2 * kHopItemsMax + 1);
  hop.submit(bodies);
  upstream.uncork();
  const auto answers = hop.answers();
  REQUIRE(answers.size() == bodies.size());
  for (std::size_t i = 0; i < answers.size(); ++i) REQUIRE(answers[i].text == std::to_string(i));
  CHECK(upstream.batch().size() == kHopItemsMax);
  CHECK(upstream.batch().size() == kHopItemsMax);
  CHECK(upstream.batch().size() == 1);
}

TEST_CASE("a batch is bounded in bytes") {
  HopUpstream upstream(true);
  TestHop hop({upstream.upstream()});
  hop.submit(std::vector<std::string>(5, std::string(kHopBytesMax / 2, 'x')));
  upstream.uncork();
  CHECK(hop.answers().size() == 5);
  CHECK(upstream.batch().size() == 2);
  CHECK(upstream.batch().size() == 2);
  CHECK(upstream.batch().size() == 1);
}

TEST_CASE("the largest item fits into what the receiving route takes") {
  HopUpstream upstream;
  TestHop hop({upstream.upstream()});
  hop.submit({"ok:", "ok:" + std::string(2 * kBodyBytesMax, 'x')});
  const auto answers = hop.answers();
  CHECK(answers[1].code == Code::ok);
  CHECK(answers[1].text.size() == 2 * kBodyBytesMax);
}

TEST_CASE("what waits is bounded in items: beyond it, full") {
  HopUpstream upstream(true);
  TestHop hop({upstream.upstream()});
  hop.submit(numbered(kHopPendingItemsMax));
  hop.submit({"ok:over"});
  const auto refused = hop.one();  // at once
  CHECK(refused.code == Code::full);
  CHECK(!refused.text.empty());
  upstream.uncork();
  const auto answers = hop.answers();
  REQUIRE(answers.size() == kHopPendingItemsMax);
  for (const auto& answer : answers) REQUIRE(answer.code == Code::ok);
  hop.submit({"ok:again"});
  CHECK(hop.one().text == "again");
}

TEST_CASE("what waits is bounded in bytes: beyond it, full") {
  HopUpstream upstream(true);
  TestHop hop({upstream.upstream()});
  const std::size_t item = kBodyBytesMax;
  hop.submit(std::vector<std::string>(kHopPendingBytesMax / item + 1, std::string(item, 'x')));
  hop.pool.abort();  // cheaper than to let all of it through
  const auto answers = hop.answers();
  CHECK(answers[answers.size() - 2].code == Code::closed);
  CHECK(answers.back().code == Code::full);
}

TEST_CASE("upstreams take turns") {
  HopUpstream first;
  HopUpstream second;
  TestHop hop({first.upstream(), second.upstream()});
  for (int i = 0; i < 10; ++i) {
    hop.submit({"ok:"});
    CHECK(hop.one().code == Code::ok);
  }
  for (int i = 0; i < 5; ++i) {
    CHECK(first.batch().size() == 1);
    CHECK(second.batch().size() == 1);
  }
}

TEST_CASE("an answer never comes within the call, and a client says what waits") {
  HopUpstream upstream;
  observe::Registry registry;
  HopMetrics metrics(registry, "test");
  ReactorPool reactors(1);
  std::unique_ptr<HopClient> client;
  Mailbox<std::size_t> pending;
  bool inside = true;  // submit(); on the reactor's thread
  reactors.run_on_each([&](std::size_t, Reactor& reactor) {
    client =
        std::make_unique<HopClient>(reactor, std::vector{upstream.upstream()}, kHopPath, metrics);
    for (const auto& bodies : {numbered(3), numbered(0)}) {
      std::vector<HopItem> items;
      for (const auto& body : bodies) items.push_back({body, "", ""});
      client->submit(std::move(items), within(), [&](const auto&) {
        if (inside) std::abort();
        pending.put(client->pending());
      });
    }
    pending.put(client->pending());
    inside = false;
  });
  CHECK(pending.take("what waits") == 3);
  CHECK(pending.take("the answer without items") == 3);
  CHECK(pending.take("the answers") == 0);
  reactors.run_on_each([&](std::size_t, Reactor&) { client.reset(); });
}

TEST_CASE("a pool answers on the reactor that asked") {
  HopUpstream upstream;
  observe::Registry registry;
  HopMetrics metrics(registry, "test");
  ReactorPool reactors(2);
  HopPool pool(reactors, {upstream.upstream()}, kHopPath, metrics);
  Mailbox<bool> same;
  for (std::size_t i = 0; i < 2; ++i) {
    reactors[i].post([&, i] {
      pool.submit({{"ok:", "", ""}}, within(),
                  [&, i](const auto&) { same.put(Reactor::current() == &reactors[i]); });
    });
    CHECK(same.take("an answer"));
  }
  CHECK(upstream.connections() == 2);
}

}  // namespace
}  // namespace millrace::http
