#include "queue/memory/backlog.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

void push(Backlog& backlog, std::size_t count, std::size_t first) {
  auto messages = fakes::make_messages(count, first);
  backlog.push(messages);
}

Ids take(Backlog& backlog, std::size_t max = 100) {
  Ids ids;
  backlog.take(max, [&](QueuedMessage&& q) { ids.emplace_back(q.message.id()); });
  return ids;
}

TEST_CASE("messages pass in order; what came back and is due goes first") {
  ManualClock clock;
  Backlog backlog(8, clock);
  CHECK_FALSE(backlog.ready());
  push(backlog, 3, 0);
  CHECK(backlog.push_back(QueuedMessage(fakes::make_message(9), 2), clock.now() + 5ms));
  CHECK(backlog.size() == 4);
  CHECK(backlog.next_due() == clock.now() + 5ms);
  CHECK(take(backlog, 2) == Ids{"m-0", "m-1"});
  clock.advance(5ms);
  CHECK(take(backlog) == Ids{"m-9", "m-2"});
  CHECK_FALSE(backlog.ready());
}

TEST_CASE("take_all takes what isn't due too") {
  ManualClock clock;
  Backlog backlog(8, clock);
  push(backlog, 2, 0);
  backlog.push_back(QueuedMessage(fakes::make_message(9), 2), clock.now() + 1h);
  Ids ids;
  backlog.take_all([&](QueuedMessage&& q) { ids.emplace_back(q.message.id()); });
  CHECK(ids == Ids{"m-9", "m-0", "m-1"});
  CHECK(backlog.size() == 0);
}

TEST_CASE("a message that meets the cell of a suspended receiver isn't lost") {
  ManualClock clock;
  Backlog backlog(2, clock);
  push(backlog, 2, 0);
  // Inside `take` the first cell is claimed and not free yet, as with a receiver suspended there.
  backlog.take(1, [&](QueuedMessage&& suspended) {
    CHECK(suspended.message.id() == "m-0");
    CHECK(take(backlog) == Ids{"m-1"});
    push(backlog, 1, 2);
    CHECK(backlog.size() == 1);
    CHECK(take(backlog) == Ids{"m-2"});
    push(backlog, 1, 3);
  });
  push(backlog, 1, 4);
  CHECK(take(backlog) == Ids{"m-3", "m-4"});
}

}  // namespace
}  // namespace millrace::queue
