#include "base/unique_function.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

namespace millrace {
namespace {

int twice(int n) { return 2 * n; }

TEST_CASE("an empty function is false") {
  CHECK_FALSE(UniqueFunction<void()>());
  CHECK_FALSE(UniqueFunction<void()>(nullptr));
  CHECK(UniqueFunction<void()>([] {}));
}

TEST_CASE("it calls lambdas and plain functions with their arguments") {
  UniqueFunction<int(int)> function = twice;
  CHECK(function(4) == 8);
  const auto add = [](int a, int b) { return a + b; };
  UniqueFunction<int(int, int)> sum = add;  // a copy of a const target
  CHECK(sum(2, 3) == 5);
  UniqueFunction<std::string(std::string)> echo = [](std::string text) { return text + "!"; };
  CHECK(echo("hi") == "hi!");
}

TEST_CASE("it owns a move-only target, hands it on and destroys it once") {
  auto owned = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = owned;
  {
    UniqueFunction<int()> first =
        [keep = std::make_unique<std::shared_ptr<int>>(std::move(owned))] { return **keep; };
    UniqueFunction<int()> second = std::move(first);
    CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is the contract
    CHECK(second() == 7);
    CHECK_FALSE(watch.expired());
    second = nullptr;
    CHECK(watch.expired());
  }
}

TEST_CASE("it takes move-only and reference arguments") {
  UniqueFunction<int(std::unique_ptr<int>)> take = [](std::unique_ptr<int> p) { return *p; };
  CHECK(take(std::make_unique<int>(3)) == 3);
  UniqueFunction<void(int&)> change = [](int& n) { n = 9; };
  int n = 0;
  change(n);
  CHECK(n == 9);
}

TEST_CASE("its target keeps state between calls") {
  UniqueFunction<int()> count = [n = 0]() mutable { return ++n; };
  CHECK(count() == 1);
  CHECK(count() == 2);
}

}  // namespace
}  // namespace millrace
