#include "queue/kafka/letter_index.h"

#include <catch2/catch.hpp>

namespace millrace::queue {
namespace {

constexpr std::int64_t kEnd = INT64_MAX;

TEST_CASE("the newest come first, in pages") {
  LetterIndex index;
  for (const std::int64_t offset : {3, 7, 8, 20}) index.add(offset, std::to_string(offset), false);
  CHECK(index.newest(kEnd, 3) == std::vector<std::int64_t>{20, 8, 7});
  CHECK(index.newest(7, 3) == std::vector<std::int64_t>{3});
  CHECK(index.newest(3, 3).empty());
  CHECK(index.any_below(7));
  CHECK_FALSE(index.any_below(3));
}

TEST_CASE("a letter written again takes the place of the first, a tombstone ends it") {
  LetterIndex index;
  index.add(0, "a", false);
  index.add(1, "b", false);
  index.add(2, "a", false);
  CHECK(index.newest(kEnd, 9) == std::vector<std::int64_t>{2, 1});
  index.add(3, "b", true);
  index.add(4, "never written", true);
  CHECK(index.newest(kEnd, 9) == std::vector<std::int64_t>{2});
  index.add(5, "b", false);  // failed once more, after its replay
  CHECK(index.newest(kEnd, 9) == std::vector<std::int64_t>{5, 2});
}

}  // namespace
}  // namespace millrace::queue
