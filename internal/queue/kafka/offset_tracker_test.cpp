#include "queue/kafka/offset_tracker.h"

#include <catch2/catch.hpp>

namespace millrace::queue {
namespace {

TEST_CASE("the position is behind the settled prefix, whatever was settled after it") {
  OffsetTracker tracker;
  CHECK_FALSE(tracker.take_position());
  for (const std::int64_t offset : {10, 11, 12, 13}) tracker.add(offset);
  tracker.settle(11);
  tracker.settle(13);
  CHECK_FALSE(tracker.take_position());
  tracker.settle(10);
  CHECK(tracker.take_position() == 12);
  CHECK_FALSE(tracker.take_position());
  tracker.settle(12);
  CHECK(tracker.take_position() == 14);
}

TEST_CASE("offsets that are missing in the partition don't hold it up") {
  OffsetTracker tracker;
  for (const std::int64_t offset : {0, 5, 100}) tracker.add(offset);
  tracker.settle(5);
  tracker.settle(0);
  CHECK(tracker.take_position() == 6);
  tracker.settle(100);
  CHECK(tracker.take_position() == 101);
}

}  // namespace
}  // namespace millrace::queue
