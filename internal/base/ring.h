// A bounded queue for many producers and many consumers that never blocks and never allocates after
// its construction. Each cell carries a sequence number that says whose turn it is, so producers
// and consumers meet only at the cell they exchange. After Dmitry Vyukov's bounded MPMC queue
// (https://www.1024cores.net/home/lock-free-algorithms/queues/bounded-mpmc-queue), extended to
// claim a run of cells with one compare-and-swap: a batch costs what a single value costs.
//
// Invariants, for a cell at position p (p counts up for ever, the cell is p modulo capacity()):
//  1. sequence == p: free for the producer of position p. sequence == p + 1: holds the value of p.
//     The consumer of p leaves it at p + capacity(), which is free for the next lap.
//  2. Only the thread that advanced tail_ past p constructs the value of p; only the thread that
//     advanced head_ past p moves it out and destroys it. Positions never repeat (64 bits), so a
//     cell seen free or full for p stays so until tail_ or head_ moves past p: no ABA.
//  3. head_ <= tail_ <= head_ + capacity(): a value is there to be taken only after its producer
//     claimed p, and a cell is free for p only after p - capacity() was claimed by a consumer.
//  4. capacity() >= 2: with one cell, "full for p" and "free for p + 1" would be the same number.
//
// A consumer or producer that is suspended between claiming and finishing holds up its own cells
// only: others pass it until they have gone round once and meet its cell, and then see full or
// empty.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

inline constexpr std::size_t kCacheLine = 64;

// All functions are thread-safe, except construction and destruction.
template <class T>
class Ring {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a claimed cell must be filled or emptied, whatever happens");

 public:
  // Holds at least `capacity_min` values: the next power of two, and 2 at least.
  explicit Ring(std::size_t capacity_min)
      : mask_(std::bit_ceil(std::max<std::size_t>(capacity_min, 2)) - 1),
        cells_(std::make_unique<Cell[]>(mask_ + 1)) {
    for (std::size_t i = 0; i <= mask_; ++i) {
      // relaxed: whoever hands the ring to other threads orders its construction before its use.
      cells_[i].sequence.store(i, std::memory_order_relaxed);
    }
  }

  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Destroys the values still inside.
  ~Ring() {
    while (try_dequeue()) {
    }
  }

  // Moves from `value` when true; leaves it alone when the ring is full.
  [[nodiscard]] bool try_enqueue(T&& value) noexcept {
    const Claim claim = claim_one(tail_, 0);
    if (claim.count == 0) return false;
    fill(cell_at(claim.position), claim.position, std::move(value));
    return true;
  }

  // Moves values in from the front of `values`, next to each other and in their order, and returns
  // how many: fewer than given when the ring has no more free cells in a row.
  template <class U>
  [[nodiscard]] std::size_t try_enqueue(std::span<U> values) noexcept {
    static_assert(std::is_nothrow_constructible_v<T, U&&>);
    const Claim claim = claim_run(tail_, values.size(), 0);
    U* from = values.data();
    for_each_cell(claim, [&](Cell& cell, std::uint64_t position) noexcept {
      fill(cell, position, std::move(*from++));
      return true;
    });
    return claim.count;
  }

  [[nodiscard]] std::optional<T> try_dequeue() noexcept {
    std::optional<T> out;
    try_dequeue_one([&](T&& value) noexcept { out.emplace(std::move(value)); });
    return out;
  }

  // Hands the oldest value to `take(T&&)`, which must not throw. False when there is none.
  template <class Take>
  bool try_dequeue_one(Take&& take) noexcept {
    const Claim claim = claim_one(head_, 1);
    if (claim.count == 0) return false;
    vacate(cell_at(claim.position), claim.position, take);
    return true;
  }

  // Appends up to `max` values to `out` and returns how many.
  std::size_t try_dequeue(std::vector<T>& out, std::size_t max) {
    const std::size_t want = std::min(max, size());
    // Twice the capacity, not just what is needed: appending batch by batch stays linear.
    if (out.capacity() - out.size() < want) {
      out.reserve(std::max(out.size() + want, 2 * out.capacity()));
    }
    return try_dequeue_each(want, [&](T&& value) noexcept { out.push_back(std::move(value)); });
  }

  // Hands up to `max` values, oldest first, to `take(T&&)`, which must not throw: their cells are
  // claimed already. Returns how many.
  template <class Take>
  std::size_t try_dequeue_each(std::size_t max, Take&& take) noexcept {
    const Claim claim = claim_run(head_, max, 1);
    for_each_cell(claim, [&](Cell& cell, std::uint64_t position) noexcept {
      vacate(cell, position, take);
      return true;
    });
    return claim.count;
  }

  // Whether a try_dequeue now would find nothing. A value whose producer is still moving it in
  // hides those behind it.
  [[nodiscard]] bool empty() const noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    return !is_turn(cell_at(head), head + 1);
  }

  // Claimed by producers and not yet by consumers: exact when nobody else is at work.
  [[nodiscard]] std::size_t size() const noexcept {
    // relaxed: a snapshot of two moving indices is approximate anyhow, so it is only kept in
    // bounds.
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    return tail > head ? std::min<std::size_t>(tail - head, capacity()) : 0;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  // A cell doesn't straddle cache lines when it fits into one; a larger one meets two lines anyhow,
  // and is packed, because it is there for each message that could wait.
  static constexpr std::size_t kCellBytes = sizeof(std::uint64_t) + sizeof(T);
  static constexpr std::size_t kCellAlign =
      kCellBytes <= kCacheLine ? std::bit_ceil(kCellBytes) : alignof(std::uint64_t);

  struct alignas(std::max(kCellAlign, alignof(T))) Cell {
    Cell() noexcept {}   // the value is constructed by its producer
    ~Cell() noexcept {}  // and destroyed by its consumer
    std::atomic<std::uint64_t> sequence{0};
    union {
      T value;
    };
  };

  struct Claim {
    std::uint64_t position = 0;
    std::size_t count = 0;
  };

  using Index = std::atomic<std::uint64_t>;

  // get(): without the look for null that checked builds take at each index.
  Cell& cell_at(std::uint64_t position) const noexcept { return cells_.get()[position & mask_]; }

  // Of a cell that is claimed.
  template <class U>
  static void fill(Cell& cell, std::uint64_t position, U&& value) noexcept {
    std::construct_at(&cell.value, std::forward<U>(value));
    // release: the consumer that acquires this number sees the value.
    cell.sequence.store(position + 1, std::memory_order_release);
  }
  template <class Take>
  void vacate(Cell& cell, std::uint64_t position, Take&& take) const noexcept {
    take(std::move(cell.value));
    std::destroy_at(&cell.value);
    // release: the producer that acquires this number sees the cell empty.
    cell.sequence.store(position + capacity(), std::memory_order_release);
  }

  // Calls `each(cell, position)` for the cells of `run`, capacity() of them at most, until one is
  // false; how many were true. In two pieces, so that a batch doesn't pay for the way round at each
  // cell.
  template <class Each>
  std::size_t for_each_cell(Claim run, Each each) const noexcept {
    const std::size_t first = run.position & mask_;
    const std::size_t straight = std::min(run.count, capacity() - first);
    Cell* cell = cells_.get() + first;
    std::size_t n = 0;
    for (; n < straight; ++n, ++cell) {
      if (!each(*cell, run.position + n)) return n;
    }
    for (cell = cells_.get(); n < run.count; ++n, ++cell) {
      if (!each(*cell, run.position + n)) return n;
    }
    return n;
  }

  static bool is_turn(const Cell& cell, std::uint64_t sequence) noexcept {
    // acquire: pairs with the release of the thread that made it our turn; after it, the value is
    // ours to read, or the empty cell ours to fill.
    return cell.sequence.load(std::memory_order_acquire) == sequence;
  }

  // How many cells from `position` on, at most `max`, have the sequence number position + `turn`.
  std::size_t run_length(std::uint64_t position, std::size_t max,
                         std::uint64_t turn) const noexcept {
    // No further than once round: others may meanwhile have made it the turn of what comes next.
    const Claim once_round{position, std::min(max, capacity())};
    return for_each_cell(once_round, [=](const Cell& cell, std::uint64_t at) noexcept {
      return is_turn(cell, at + turn);
    });
  }

  // Claims up to `max` cells in a row at `index` whose turn it is.
  Claim claim_run(Index& index, std::size_t max, std::uint64_t turn) noexcept {
    return try_claim(index,
                     [=, this](std::uint64_t position) { return run_length(position, max, turn); });
  }
  // The same of one, for which there is no run to be measured.
  Claim claim_one(Index& index, std::uint64_t turn) noexcept {
    return try_claim(index, [=, this](std::uint64_t position) -> std::size_t {
      return is_turn(cell_at(position), position + turn) ? 1 : 0;
    });
  }

  // Claims at `index` as many cells as `length(position)` says.
  template <class Length>
  static Claim try_claim(Index& index, Length length) noexcept {
    // relaxed throughout: an index only decides who gets which position; what is in the cells is
    // ordered by their sequence numbers (run_length's acquire).
    std::uint64_t position = index.load(std::memory_order_relaxed);
    for (;;) {
      const std::size_t count = length(position);
      if (count > 0) {
        if (index.compare_exchange_weak(position, position + count, std::memory_order_relaxed)) {
          return {position, count};
        }
        continue;
      }
      const std::uint64_t now = index.load(std::memory_order_relaxed);
      if (now == position) return {};  // nobody overtook us: full, or empty
      position = now;
    }
  }

  const std::size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  alignas(kCacheLine) Index tail_{0};  // the next position to fill
  alignas(kCacheLine) Index head_{0};  // the next position to empty
};

}  // namespace millrace
