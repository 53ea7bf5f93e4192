// What the hop does when an instance has no room: the others are asked before anybody hears of it.
#include <algorithm>
#include <catch2/catch.hpp>

#include "http/test_hop.h"

namespace millrace::http {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr int kMany = 100;
// The least for which an instance is passed over.
constexpr milliseconds kPause{50};

std::size_t count_batches(HopUpstream& upstream) {
  std::size_t count = 0;
  for (; upstream.has_batch(); ++count) upstream.batch();
  return count;
}

std::vector<Code> codes(const TestHop::Answers& answers) {
  std::vector<Code> all;
  for (const HopAnswer& answer : answers) all.push_back(answer.code);
  return all;
}

TEST_CASE("regression: a full instance, which answers at once, drew the load and refused it") {
  HopUpstream full;
  HopUpstream up;
  full.set_room(0);
  TestHop hop({full.upstream(), up.upstream()});
  const Time began = std::chrono::steady_clock::now();
  for (int i = 0; i < kMany; ++i) {
    hop.submit({"ok:a", "ok:b"});
    REQUIRE(codes(hop.answers()) == std::vector<Code>{Code::ok, Code::ok});
  }
  const auto pauses = (std::chrono::steady_clock::now() - began) / kPause;
  const std::size_t offered = count_batches(full);
  CHECK(offered >= 1);
  CHECK(offered <= static_cast<std::size_t>(pauses) + 1);
  CHECK(hop.counted("unavailable_total") == 0);
}

TEST_CASE("an instance that has room again is used again") {
  HopUpstream first;
  HopUpstream second;
  first.set_room(0);
  TestHop hop({first.upstream(), second.upstream()});
  hop.submit({"ok:a"});
  CHECK(hop.one().code == Code::ok);
  CHECK(count_batches(first) == 1);
  first.set_room(kHopItemsMax);
  eventually("it is used", [&] {
    hop.submit({"ok:a"});
    CHECK(hop.one().code == Code::ok);
    return first.has_batch();
  });
}

// How long it takes from a refusal until that instance is asked again, while another one is busy.
Duration passed_over(const std::string& refusal) {
  ScriptedPeer refusing([&refusal](RawConnection& connection) {
    if (!connection.request().empty()) connection.send(refusal);
  });
  HopUpstream busy(true);
  TestHop hop({upstream_at(refusing.port()), busy.upstream()});
  const Time began = std::chrono::steady_clock::now();
  hop.submit({"ok:a"});
  busy.batch();
  eventually("it is asked again", [&] {
    hop.submit({"ok:a"});
    return refusing.connections() > 1;
  });
  return std::chrono::steady_clock::now() - began;
}

TEST_CASE("regression: one that refused and closed was passed over twice as long") {
  const std::string refusal =
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  Duration shortest = Duration::max();
  // Chance has a part in it, and so has who else is using this machine.
  for (int i = 0; i < 20 && shortest >= 2 * kPause; ++i) {
    shortest = std::min(shortest, passed_over(refusal));
  }
  CHECK(shortest < 2 * kPause);
}

TEST_CASE("when all are full each is asked once, and that is the answer") {
  HopUpstream first;
  HopUpstream second;
  first.set_room(0);
  second.set_room(0);
  TestHop hop({first.upstream(), second.upstream()});
  for (int i = 0; i < 3; ++i) {
    hop.submit({"ok:a", "ok:b"});
    const auto answers = hop.answers();
    CHECK(codes(answers) == std::vector<Code>{Code::full, Code::full});
    CHECK(answers[0].text == "no room");
    CHECK(count_batches(first) == 1);
    CHECK(count_batches(second) == 1);
  }
}

TEST_CASE("one full and one down is full, which says to come again") {
  HopUpstream full;
  const RefusingPort down;
  full.set_room(0);
  TestHop hop({full.upstream(), upstream_at(down.port())});
  for (int i = 0; i < 3; ++i) {
    hop.submit({"ok:a"});
    CHECK(hop.one().code == Code::full);
  }
}

TEST_CASE("the only instance is full without a pause") {
  HopUpstream full;
  full.set_room(0);
  TestHop hop({full.upstream()});
  const Time began = std::chrono::steady_clock::now();
  for (int i = 0; i < kMany; ++i) {
    hop.submit({"ok:a"});
    REQUIRE(hop.one().code == Code::full);
  }
  CHECK(std::chrono::steady_clock::now() - began < kMany * kPause / 2);
  CHECK(count_batches(full) == kMany);
  full.set_room(kHopItemsMax);
  hop.submit({"ok:a"});
  CHECK(hop.one().code == Code::ok);
  CHECK(full.connections() == 1);
}

TEST_CASE("a batch of which some was taken is offered to nobody else") {
  HopUpstream first;
  HopUpstream second;
  first.set_room(1);
  TestHop hop({first.upstream(), second.upstream()});
  hop.submit({"ok:a", "ok:b"});
  CHECK(codes(hop.answers()) == std::vector<Code>{Code::ok, Code::full});
  CHECK(!second.has_batch());
}

TEST_CASE("what one had no room for and another no time is full") {
  HopUpstream busy(true);
  HopUpstream full;
  full.set_room(0);
  TestHop hop({busy.upstream(), full.upstream()});
  hop.submit({"ok:first"});
  busy.batch();
  const Time late = std::chrono::steady_clock::now() + milliseconds(200);
  hop.submit({"ok:second"}, milliseconds(200));
  CHECK(full.batch().size() == 1);
  eventually("its time is over", [&] { return std::chrono::steady_clock::now() > late; });
  hop.settle();
  busy.uncork();
  CHECK(hop.one().text == "first");
  CHECK(hop.one().code == Code::full);
  CHECK(!busy.has_batch());
}

}  // namespace
}  // namespace millrace::http
