#include "base/status.h"

#include <catch2/catch.hpp>
#include <set>
#include <stdexcept>

namespace millrace {
namespace {

Code code_at(std::uint8_t number) { return static_cast<Code>(number); }

TEST_CASE("every code has a name of its own") {
  std::set<std::string_view> names;
  for (std::uint8_t i = 0; i < kCodeCount; ++i) names.insert(code_name(code_at(i)));
  CHECK(names.size() == kCodeCount);
  CHECK(names.count("unknown") == 0);
  CHECK(code_name(Code::ok) == "ok");
  CHECK(code_name(Code::internal) == "internal");
  CHECK(code_name(code_at(kCodeCount)) == "unknown");
}

TEST_CASE("exactly what may pass by itself is retryable") {
  const std::set<Code> retryable = {Code::full, Code::unavailable, Code::closed, Code::deadline};
  for (std::uint8_t i = 0; i < kCodeCount; ++i) {
    CHECK(is_retryable(code_at(i)) == (retryable.count(code_at(i)) == 1));
    CHECK(Status(code_at(i), "x").retryable() == is_retryable(code_at(i)));
  }
}

TEST_CASE("a status prints its code and text") {
  CHECK(to_string(Status()) == "ok");
  CHECK(to_string(Status(Code::full, "the queue holds 1000 messages")) ==
        "full: the queue holds 1000 messages");
  CHECK(to_string(Status(Code::closed, "")) == "closed");
}

TEST_CASE("a default status is ok, any other isn't") {
  CHECK(Status().ok());
  CHECK_FALSE(Status(Code::internal, "").ok());
  CHECK(Status(Code::full, "a") == Status(Code::full, "a"));
  CHECK_FALSE(Status(Code::full, "a") == Status(Code::full, "b"));
}

TEST_CASE("a result holds a value or a status, and value() throws the status") {
  const Result<int> good = 5;
  CHECK(good.value() == 5);
  const Result<int> bad = Status(Code::invalid, "not a number");
  REQUIRE(bad.has_error());
  CHECK(bad.error().code() == Code::invalid);
  CHECK_THROWS_WITH(bad.value(), "invalid: not a number");
}

}  // namespace
}  // namespace millrace
