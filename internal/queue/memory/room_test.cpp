#include "queue/memory/room.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using fakes::make_messages;

constexpr std::uint64_t kPlenty = 1'000'000;

std::uint64_t bytes_of(std::span<const Message> messages) {
  std::uint64_t sum = 0;
  for (const Message& message : messages) sum += message.size();
  return sum;
}

TEST_CASE("the front of a batch gets what room there is") {
  Room room(3, kPlenty);
  const auto batch = make_messages(5);
  CHECK(room.reserve(batch).messages == 3);
  CHECK(room.messages() == 3);
  CHECK(room.bytes() == bytes_of(std::span(batch).first(3)));
  CHECK(room.reserve(batch).messages == 0);
  CHECK_FALSE(room.reserve(batch).closed);
}

TEST_CASE("bytes are bounded too") {
  const auto batch = make_messages(3);
  const std::uint64_t two = bytes_of(std::span(batch).first(2));
  Room room(100, two);
  CHECK(room.reserve(batch).messages == 2);
  CHECK(room.reserve(batch).messages == 0);
  CHECK_FALSE(room.release(1, batch[0].size()));
  CHECK(room.reserve(batch).messages == 1);
}

TEST_CASE("a closed room grants nothing, and is finished when it is empty") {
  Room room(4, kPlenty);
  const auto batch = make_messages(2);
  REQUIRE(room.reserve(batch).messages == 2);
  CHECK_FALSE(room.finished());
  room.close();
  CHECK(room.closed());
  CHECK(room.reserve(batch).closed);
  CHECK_FALSE(room.finished());
  CHECK_FALSE(room.release(1, batch[0].size()));
  CHECK(room.release(1, batch[1].size()));
  CHECK(room.finished());
}

TEST_CASE("an open room isn't finished, however empty") {
  Room room(4, kPlenty);
  const auto batch = make_messages(1);
  REQUIRE(room.reserve(batch).messages == 1);
  CHECK_FALSE(room.release(1, batch[0].size()));
  CHECK_FALSE(room.finished());
}

TEST_CASE("a room with messages of no bytes isn't finished") {
  Room room(4, kPlenty);
  const std::vector<Message> empty(1);
  REQUIRE(room.reserve(empty).messages == 1);
  room.close();
  CHECK_FALSE(room.finished());
  CHECK(room.release(1, 0));
}

TEST_CASE("bounds that can't be kept are refused") {
  CHECK_THROWS_AS(Room(0, 1), std::invalid_argument);
  CHECK_THROWS_AS(Room(1, 0), std::invalid_argument);
  CHECK_THROWS_AS(Room(Room::kCapacityMax + 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(Room(1, Room::kBytesMax + 1), std::invalid_argument);
  Room largest(Room::kCapacityMax, Room::kBytesMax);
  CHECK(largest.reserve(make_messages(2)).messages == 2);
}

TEST_CASE("threads never reserve more than there is") {
  constexpr std::size_t kCapacity = 7;
  Room room(kCapacity, kPlenty);
  std::atomic<std::size_t> most{0};
  const auto batch = make_messages(3);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5'000; ++i) {
          const std::size_t got = room.reserve(batch).messages;
          const std::size_t held = room.messages();
          for (auto seen = most.load(); held > seen && !most.compare_exchange_weak(seen, held);) {
          }
          (void)room.release(got, bytes_of(std::span(batch).first(got)));
        }
      });
    }
  }
  CHECK(most <= kCapacity);
  CHECK(room.messages() == 0);
  CHECK(room.bytes() == 0);
}

}  // namespace
}  // namespace millrace::queue
