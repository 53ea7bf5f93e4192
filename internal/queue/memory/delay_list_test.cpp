#include "queue/memory/delay_list.h"

#include <catch2/catch.hpp>
#include <string>

#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using namespace std::chrono_literals;

QueuedMessage numbered(std::size_t number) { return QueuedMessage(fakes::make_message(number)); }

std::vector<std::string> take(DelayList& list, Time now, std::size_t max = 100) {
  std::vector<std::string> ids;
  list.take_due(now, max, [&](QueuedMessage&& q) { ids.emplace_back(q.message.id()); });
  return ids;
}

using Ids = std::vector<std::string>;
constexpr Time kStart{1h};

TEST_CASE("messages leave when they are due, the earliest first") {
  DelayList list;
  CHECK(list.next_due() == Time::max());
  CHECK(list.push(numbered(1), kStart + 20ms));
  CHECK(list.push(numbered(2), kStart + 10ms));
  CHECK_FALSE(list.push(numbered(3), kStart + 30ms));
  CHECK(list.size() == 3);
  CHECK(list.next_due() == kStart + 10ms);

  CHECK(take(list, kStart + 9ms).empty());
  CHECK(take(list, kStart + 20ms) == Ids{"m-2", "m-1"});
  CHECK(list.next_due() == kStart + 30ms);
  CHECK(take(list, kStart + 30ms) == Ids{"m-3"});
  CHECK(list.next_due() == Time::max());
  CHECK(list.size() == 0);
}

TEST_CASE("messages due at the same time leave in the order they came") {
  DelayList list;
  CHECK(list.push(numbered(1), DelayList::kAtOnce));
  CHECK_FALSE(list.push(numbered(2), DelayList::kAtOnce));
  CHECK_FALSE(list.push(numbered(3), DelayList::kAtOnce));
  CHECK(take(list, kStart, 2) == Ids{"m-1", "m-2"});
  CHECK(take(list, kStart, 2) == Ids{"m-3"});
}

TEST_CASE("after make_all_due nothing waits for its delay") {
  DelayList list;
  list.push(numbered(1), kStart + 1h);
  list.make_all_due();
  CHECK(list.next_due() == DelayList::kAtOnce);
  list.push(numbered(2), kStart + 2h);
  CHECK(take(list, kStart) == Ids{"m-1", "m-2"});
  CHECK(list.next_due() == Time::max());
}

}  // namespace
}  // namespace millrace::queue
