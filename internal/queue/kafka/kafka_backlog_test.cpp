#include "queue/kafka/kafka_backlog.h"

#include <catch2/catch.hpp>

namespace millrace::queue {
namespace {

using std::chrono::seconds;

const Time kNow{seconds(1000)};

KafkaBacklog with(std::int32_t partition, std::initializer_list<std::int64_t> offsets) {
  KafkaBacklog backlog;
  backlog.assign(partition);
  for (const std::int64_t offset : offsets) CHECK(backlog.keep(partition, offset, nullptr));
  return backlog;
}

std::vector<KafkaBacklog::Held*> take(KafkaBacklog& backlog, std::size_t max, Time now = kNow) {
  std::vector<KafkaBacklog::Held*> taken;
  backlog.take(max, now, taken);
  return taken;
}

std::string positions(KafkaBacklog& backlog) {
  std::string text;
  for (const auto& [partition, offset] : backlog.take_positions()) {
    text.append(std::to_string(partition) + ":" + std::to_string(offset) + " ");
  }
  return text;
}

TEST_CASE("a message that waits to be tried again holds the position, and comes when due") {
  KafkaBacklog backlog = with(2, {10, 11, 12});
  const auto taken = take(backlog, 3);
  REQUIRE(taken.size() == 3);
  CHECK_FALSE(backlog.has_any(kNow));
  backlog.put_back(*taken[0], kNow + seconds(5));
  backlog.finish(*taken[1]);
  backlog.finish(*taken[2]);
  CHECK(positions(backlog).empty());
  CHECK(backlog.next_due() == kNow + seconds(5));
  CHECK(take(backlog, 3, kNow + seconds(4)).empty());
  const auto again = take(backlog, 3, kNow + seconds(5));
  REQUIRE(again.size() == 1);
  CHECK(again[0]->offset == 10);
  backlog.finish(*again[0]);
  CHECK(positions(backlog) == "2:13 ");
  CHECK(positions(backlog).empty());
  backlog.offer_positions_again();
  CHECK(positions(backlog) == "2:13 ");
}

TEST_CASE("what is due again comes before what never came") {
  KafkaBacklog backlog = with(0, {1, 2});
  const auto first = take(backlog, 1);
  backlog.put_back(*first[0], kNow);
  const auto next = take(backlog, 2);
  REQUIRE(next.size() == 2);
  CHECK(next[0]->offset == 1);
  CHECK(next[1]->offset == 2);
}

TEST_CASE("what is in work when its partition is taken away has no effect any more") {
  KafkaBacklog backlog = with(0, {1, 2, 3});
  const auto taken = take(backlog, 2);
  CHECK(backlog.in_work(0) == 2);
  backlog.take_away(0);
  CHECK(backlog.in_work(0) == 0);
  CHECK(backlog.waiting() == 0);
  CHECK_FALSE(backlog.keep(0, 4, nullptr));

  backlog.assign(0);  // and comes back, from the committed offset on
  REQUIRE(backlog.keep(0, 1, nullptr));
  backlog.finish(*taken[0]);
  backlog.put_back(*taken[1], kNow);
  CHECK(positions(backlog).empty());
  const auto anew = take(backlog, 9);
  REQUIRE(anew.size() == 1);
  backlog.finish(*anew[0]);
  CHECK(positions(backlog) == "0:2 ");
}

TEST_CASE("of a partition about to be taken away nothing more is handed out") {
  KafkaBacklog backlog = with(0, {1, 2});
  backlog.assign(1);
  REQUIRE(backlog.keep(1, 7, nullptr));
  const auto taken = take(backlog, 1);
  backlog.drop_waiting(0);
  const auto rest = take(backlog, 9);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0]->partition_id() == 1);
  backlog.finish(*taken[0]);
  CHECK(positions(backlog) == "0:2 ");  // 2 was dropped, and is fetched by somebody else
}

TEST_CASE("what the brokers have counts as waiting, and a partition that said nothing as one") {
  KafkaBacklog backlog;
  CHECK(backlog.waiting_in_all() == 0);
  backlog.assign(0);
  backlog.assign(1);
  CHECK(backlog.waiting_in_all() == 2);
  backlog.note_next(0, 50);  // its end
  backlog.note_end(0, 50);
  REQUIRE(backlog.keep(1, 9, nullptr));
  backlog.note_end(1, 20);
  CHECK(backlog.waiting_in_all() == 1 + 10);
  const auto taken = take(backlog, 1);
  CHECK(backlog.waiting_in_all() == 10);
  backlog.put_back(*taken[0], kNow + seconds(9));
  CHECK(backlog.waiting_in_all() == 1 + 10);
}

}  // namespace
}  // namespace millrace::queue
