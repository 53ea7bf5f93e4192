// How much the memory queue holds, against its two bounds, and whether it is closed: one atomic
// word, so that a batch reserves its place with one compare-and-swap, a settlement gives it back
// with one subtraction, and no message can slip in once the queue was seen closed and empty.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "message/message.h"

namespace millrace::queue {

// Thread-safe.
class Room {
 public:
  static constexpr std::uint64_t kCapacityMax = (std::uint64_t{1} << 27) - 1;
  static constexpr std::uint64_t kBytesMax = (std::uint64_t{1} << 36) - 1;

  // Throws std::invalid_argument unless 1 <= capacity <= kCapacityMax and 1 <= bytes_max <=
  // kBytesMax.
  Room(std::size_t capacity, std::uint64_t bytes_max);

  struct Grant {
    std::size_t messages = 0;  // this many, from the front of the batch
    bool closed = false;       // none, for ever
  };

  // Reserves room for as many messages of `batch`, from its front, as fit.
  [[nodiscard]] Grant reserve(std::span<const Message> batch) noexcept;

  // Gives room back. True when that was the last of a closed queue.
  [[nodiscard]] bool release(std::uint64_t messages, std::uint64_t bytes) noexcept;

  void close() noexcept;

  // Closed, and nothing is left. What was done before the releases is visible to who sees true.
  [[nodiscard]] bool finished() const noexcept;

  [[nodiscard]] bool closed() const noexcept;
  [[nodiscard]] std::size_t messages() const noexcept;
  [[nodiscard]] std::uint64_t bytes() const noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint64_t bytes_max() const noexcept { return bytes_max_; }

 private:
  const std::size_t capacity_;
  const std::uint64_t bytes_max_;
  // closed: bit 63; messages: bits 36 to 62; bytes: bits 0 to 35.
  alignas(64) std::atomic<std::uint64_t> word_{0};
};

}  // namespace millrace::queue
