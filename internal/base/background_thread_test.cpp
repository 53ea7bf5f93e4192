#include "base/background_thread.h"

#include <catch2/catch.hpp>
#include <future>
#include <vector>

namespace millrace {
namespace {

TEST_CASE("tasks run on another thread, one after the other, in their order") {
  std::vector<int> order;
  std::promise<std::thread::id> last;
  BackgroundThread thread(10);
  for (int i = 0; i < 3; ++i) REQUIRE(thread.post([&order, i] { order.push_back(i); }));
  REQUIRE(thread.post([&last] { last.set_value(std::this_thread::get_id()); }));
  CHECK(last.get_future().get() != std::this_thread::get_id());
  CHECK(order == std::vector<int>{0, 1, 2});
}

TEST_CASE("more tasks than may wait are refused; those that wait at the end are dropped") {
  std::promise<void> begun;
  std::promise<void> go;
  int run = 0;
  {
    BackgroundThread thread(2);
    REQUIRE(thread.post([&] {
      begun.set_value();
      go.get_future().wait();
    }));
    begun.get_future().wait();
    CHECK(thread.post([&run] { ++run; }));
    CHECK(thread.post([&run] { ++run; }));
    CHECK_FALSE(thread.post([&run] { ++run; }));
    go.set_value();
  }
  CHECK(run <= 2);
}

}  // namespace
}  // namespace millrace
