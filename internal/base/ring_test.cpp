#include "base/ring.h"

#include <catch2/catch.hpp>
#include <memory>
#include <numeric>

namespace millrace {
namespace {

// Counts how many values are alive; one that was moved from is still alive, but empty.
struct Tracked {
  static inline int alive = 0;

  explicit Tracked(int n) : number(n) { ++alive; }
  Tracked(Tracked&& other) noexcept : number(std::exchange(other.number, -1)) { ++alive; }
  Tracked& operator=(Tracked&& other) noexcept {
    number = std::exchange(other.number, -1);
    return *this;
  }
  ~Tracked() { --alive; }

  int number;
};

std::vector<int> numbers(int first, int count) {
  std::vector<int> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), first);
  return out;
}

TEST_CASE("a ring rounds its capacity up to a power of two, two at least") {
  CHECK(Ring<int>(0).capacity() == 2);
  CHECK(Ring<int>(1).capacity() == 2);
  CHECK(Ring<int>(2).capacity() == 2);
  CHECK(Ring<int>(3).capacity() == 4);
  CHECK(Ring<int>(1000).capacity() == 1024);
}

TEST_CASE("a new ring is empty") {
  Ring<int> ring(4);
  CHECK(ring.empty());
  CHECK(ring.size() == 0);
  CHECK_FALSE(ring.try_dequeue().has_value());
}

TEST_CASE("values leave in the order they came, lap after lap") {
  Ring<int> ring(4);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(ring.try_enqueue(2 * i));
    REQUIRE(ring.try_enqueue(2 * i + 1));
    CHECK(ring.size() == 2);
    CHECK(ring.try_dequeue() == 2 * i);
    CHECK(ring.try_dequeue() == 2 * i + 1);
  }
  CHECK(ring.empty());
}

TEST_CASE("a full ring refuses and leaves the value alone") {
  Ring<std::unique_ptr<int>> ring(2);
  REQUIRE(ring.try_enqueue(std::make_unique<int>(1)));
  REQUIRE(ring.try_enqueue(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  CHECK(ring.try_enqueue(std::span(&third, 1)) == 0);
  REQUIRE(third != nullptr);
  CHECK(*third == 3);
  CHECK(ring.size() == 2);
  CHECK(**ring.try_dequeue() == 1);
  CHECK(ring.try_enqueue(std::move(third)));
}

TEST_CASE("a batch goes in as far as there is room") {
  Ring<int> ring(8);
  auto first = numbers(0, 5);
  CHECK(ring.try_enqueue(std::span(first)) == 5);
  auto second = numbers(5, 5);
  CHECK(ring.try_enqueue(std::span(second)) == 3);
  CHECK(ring.try_enqueue(std::span(second).subspan(3)) == 0);

  std::vector<int> out;
  CHECK(ring.try_dequeue(out, 100) == 8);
  CHECK(out == numbers(0, 8));
}

TEST_CASE("a batch may wrap round the end of the cells") {
  Ring<int> ring(8);
  std::vector<int> out;
  for (int lap = 0; lap < 50; ++lap) {
    auto batch = numbers(lap * 5, 5);
    REQUIRE(ring.try_enqueue(std::span(batch)) == 5);
    REQUIRE(ring.try_dequeue(out, 5) == 5);
  }
  CHECK(out == numbers(0, 250));
}

TEST_CASE("a batch larger than the ring fills it once") {
  Ring<int> ring(4);
  auto batch = numbers(0, 10);
  CHECK(ring.try_enqueue(std::span(batch)) == 4);
  std::vector<int> out;
  CHECK(ring.try_dequeue(out, 10) == 4);
  CHECK(out == numbers(0, 4));
}

TEST_CASE("dequeue appends, and takes no more than asked") {
  Ring<int> ring(8);
  auto batch = numbers(1, 6);
  REQUIRE(ring.try_enqueue(std::span(batch)) == 6);
  std::vector<int> out{0};
  CHECK(ring.try_dequeue(out, 2) == 2);
  CHECK(out == numbers(0, 3));
  CHECK(ring.try_dequeue(out, 0) == 0);
  CHECK(ring.size() == 4);
}

TEST_CASE("an empty batch is no batch") {
  Ring<int> ring(2);
  CHECK(ring.try_enqueue(std::span<int>()) == 0);
  CHECK(ring.empty());
}

TEST_CASE("the ring's values may be made from those of the batch") {
  struct Wrapped {
    explicit Wrapped(std::unique_ptr<int>&& p) noexcept : pointer(std::move(p)) {}
    std::unique_ptr<int> pointer;
  };
  Ring<Wrapped> ring(4);
  std::vector<std::unique_ptr<int>> batch;
  batch.push_back(std::make_unique<int>(7));
  REQUIRE(ring.try_enqueue(std::span(batch)) == 1);
  CHECK(batch[0] == nullptr);
  CHECK(*ring.try_dequeue()->pointer == 7);
}

TEST_CASE("every value is destroyed once: taken, refused or left behind") {
  REQUIRE(Tracked::alive == 0);
  {
    Ring<Tracked> ring(4);
    CHECK(Tracked::alive == 0);
    std::vector<Tracked> batch;
    for (int i = 0; i < 6; ++i) batch.emplace_back(i);
    CHECK(ring.try_enqueue(std::span(batch)) == 4);
    batch.clear();
    CHECK(Tracked::alive == 4);
    std::vector<Tracked> out;
    CHECK(ring.try_dequeue(out, 3) == 3);
    CHECK(Tracked::alive == 4);
    out.clear();
    CHECK(Tracked::alive == 1);
    CHECK(ring.try_enqueue(Tracked(9)));
    CHECK(Tracked::alive == 2);
  }
  CHECK(Tracked::alive == 0);
}

}  // namespace
}  // namespace millrace
