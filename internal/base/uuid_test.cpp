#include "base/uuid.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/uuid_generator.h"

namespace millrace {
namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'123;

UuidGenerator test_generator(std::uint64_t seed = 1) {
  return UuidGenerator(std::mt19937_64(seed));
}

TEST_CASE("a version 7 id has the RFC's layout") {
  const Uuid id = test_generator().next(kNowMs);
  const std::string text = id.text();
  REQUIRE(text.size() == Uuid::kTextSize);
  CHECK(text.starts_with("018bcfe5-687b-7"));  // 1700000000123 in hex, version 7
  CHECK(std::string("89ab").find(text[19]) != std::string::npos);
  CHECK(id.unix_ms() == kNowMs);
}

TEST_CASE("a fresh id carries the present time") {
  const std::int64_t before_ms = system_clock().unix_ms();
  const auto ms = Uuid::v7().unix_ms();
  REQUIRE(ms);
  CHECK(*ms >= before_ms);
  CHECK(*ms <= before_ms + 60'000);
}

TEST_CASE(
    "a generator's ids increase within a millisecond, over it and when the clock steps back") {
  UuidGenerator generator = test_generator();
  Uuid last = generator.next(kNowMs);
  for (const std::int64_t step : {0, 1, -1, 0, -86'400'000, 5, 1000, -1}) {
    for (int i = 0; i < 1000; ++i) {
      const Uuid id = generator.next(kNowMs + step);
      REQUIRE(id > last);
      REQUIRE(id.text() > last.text());
      last = id;
    }
  }
  CHECK(last.unix_ms() == kNowMs + 1000);
}

TEST_CASE("a counter that runs out borrows the next millisecond") {
  UuidGenerator generator = test_generator();
  Uuid last = generator.next(kNowMs);
  // The counter starts below 2^19 and ends at 2^20, so this many are too many for one millisecond.
  for (int i = 0; i < 1 << 20; ++i) {
    const Uuid id = generator.next(kNowMs);
    if (!(id > last)) FAIL("not increasing after " << i);
    last = id;
    if (id.unix_ms() != kNowMs) break;
  }
  CHECK(last.unix_ms() == kNowMs + 1);
}

TEST_CASE("a million ids of eight threads are all different, each thread's in order") {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kEach = 125'000;
  std::vector<std::vector<Uuid>> made(kThreads);
  std::vector<std::thread> threads;
  for (auto& ids : made) {
    threads.emplace_back([&ids] {
      ids.reserve(kEach);
      for (std::size_t i = 0; i < kEach; ++i) ids.push_back(Uuid::v7());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Uuid> all;
  for (const auto& ids : made) {
    CHECK(std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end());
    all.insert(all.end(), ids.begin(), ids.end());
  }
  std::sort(all.begin(), all.end());
  CHECK(all.size() == kThreads * kEach);
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("generators in the same millisecond go different ways") {
  UuidGenerator a = test_generator(1);
  UuidGenerator b = test_generator(2);
  CHECK(a.next(kNowMs).text().substr(15) != b.next(kNowMs).text().substr(15));
  // The tail is fresh each time: consecutive ids share no more than the counter's high part.
  const std::string first = a.next(kNowMs).text();
  CHECK(first.substr(24) != a.next(kNowMs).text().substr(24));
}

TEST_CASE("text parses back, in either case") {
  const Uuid id = Uuid::v7();
  CHECK(Uuid::parse(id.text()) == id);
  std::string upper = id.text();
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  CHECK(Uuid::parse(upper) == id);
  const auto chars = id.chars();
  CHECK(std::string(chars.data(), chars.size()) == id.text());
  const std::string golden = "01234567-89ab-cdef-0123-456789abcdef";
  CHECK(Uuid::parse(golden)->text() == golden);
  CHECK(Uuid().text() == "00000000-0000-0000-0000-000000000000");
}

TEST_CASE("what isn't a UUID doesn't parse") {
  const std::string good = "01234567-89ab-cdef-0123-456789abcdef";
  REQUIRE(Uuid::parse(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char bad : {'g', ' ', '-', '0', '\0', '\xff'}) {
      std::string text = good;
      text[i] = bad;
      const bool still_good = good[i] == '-' ? bad == '-' : bad == '0';
      CHECK(Uuid::parse(text).has_value() == still_good);
    }
    CHECK_FALSE(Uuid::parse(good.substr(0, i)));
  }
  CHECK_FALSE(Uuid::parse(good + "0"));
  CHECK_FALSE(Uuid::parse(" " + good));
  CHECK_FALSE(Uuid::parse("{01234567-89ab-cdef-0123-456789abcde}"));
  CHECK_FALSE(Uuid::parse("0123456789abcdef0123456789abcdef"));
}

TEST_CASE("only version 7 ids of the RFC's variant carry a time") {
  CHECK(Uuid::parse("018bcfe5-687b-7000-8000-000000000000")->unix_ms() == kNowMs);
  CHECK(Uuid::parse("018bcfe5-687b-7000-bfff-000000000000")->unix_ms() == kNowMs);
  CHECK_FALSE(Uuid::parse("018bcfe5-687b-4000-8000-000000000000")->unix_ms());
  CHECK_FALSE(Uuid::parse("018bcfe5-687b-7000-c000-000000000000")->unix_ms());
  CHECK_FALSE(Uuid::parse("018bcfe5-687b-7000-7000-000000000000")->unix_ms());
  CHECK_FALSE(Uuid().unix_ms());
}

TEST_CASE("the time in an id's text is that of the id") {
  for (const char* text :
       {"018bcfe5-687b-7000-8000-000000000000", "018BCFE5-687B-7FFF-BFFF-FFFFFFFFFFFF",
        "018bcfe5-687b-4000-8000-000000000000",  // not version 7
        "018bcfe5-687b-7000-c000-000000000000",  // another variant
        "018bcfe5-687b-7000-7000-000000000000"}) {
    CHECK(Uuid::unix_ms_of(text) == Uuid::parse(text)->unix_ms());
  }
  CHECK(Uuid::unix_ms_of("018bcfe5-687b-7000-8000-000000000000") == kNowMs);
  for (const char* text :
       {"", "018bcfe5-687b-7000-8000-00000000000", "018bcfe5-687b-7000-8000-0000000000000",
        "018bcfe5+687b-7000-8000-000000000000", "018bcfg5-687b-7000-8000-000000000000",
        "018bcfe5-687b-7000-x000-000000000000"}) {
    CHECK_FALSE(Uuid::unix_ms_of(text));
  }
}

TEST_CASE("a derived id is the same today as on the day it was first given") {
  CHECK(Uuid::derived("orders", "key-1").text() == "0106d1af-b039-540b-947f-e87e5a5bfdc8");
  CHECK(Uuid::derived("", "").text() == "e88ad253-135a-5a5c-9fbc-45c92a8c100e");
  CHECK(Uuid::derived("zażółć", std::string_view("\0\xff", 2)).text() ==
        "4454bd7b-c834-50d4-8cf4-15e7a935ab5f");
}

TEST_CASE("a place in a stream is no part of the key") {
  const Uuid first = Uuid::derived("a", "k", 1);
  CHECK(first == Uuid::derived("a", "k", 1));
  for (const Uuid& other :
       {Uuid::derived("a", "k"), Uuid::derived("a", "k", 2), Uuid::derived("a", "k/1"),
        Uuid::derived("a", "k1"), Uuid::derived("#1:1:a", "k"), Uuid::derived("", "#1:1:ak")}) {
    CHECK(first != other);
  }
}

TEST_CASE("source and key don't run into each other") {
  CHECK(Uuid::derived("a", "bc") != Uuid::derived("ab", "c"));
  CHECK(Uuid::derived("", "1:a") != Uuid::derived("1:a", ""));
  CHECK(Uuid::derived("a", "k") != Uuid::derived("b", "k"));
  CHECK_FALSE(Uuid::derived("a", "k").unix_ms());
}

}  // namespace
}  // namespace millrace
