#include "queue/memory/room.h"

#include <stdexcept>
#include <string>

namespace millrace::queue {
namespace {

constexpr unsigned kMessagesShift = 36;
constexpr std::uint64_t kBytesMask = Room::kBytesMax;
constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;

constexpr std::uint64_t messages_of(std::uint64_t word) {
  return (word & ~kClosed) >> kMessagesShift;
}
constexpr std::uint64_t bytes_of(std::uint64_t word) { return word & kBytesMask; }
constexpr std::uint64_t pack(std::uint64_t messages, std::uint64_t bytes) {
  return (messages << kMessagesShift) + bytes;
}

void require_between(const char* what, std::uint64_t value, std::uint64_t max) {
  if (value >= 1 && value <= max) return;
  throw std::invalid_argument("the memory queue's " + std::string(what) + " is " +
                              std::to_string(value) + ": use 1 to " + std::to_string(max));
}

}  // namespace

Room::Room(std::size_t capacity, std::uint64_t bytes_max)
    : capacity_(capacity), bytes_max_(bytes_max) {
  require_between("capacity in messages", capacity, kCapacityMax);
  require_between("capacity in bytes", bytes_max, kBytesMax);
}

Room::Grant Room::reserve(std::span<const Message> batch) noexcept {
  // relaxed: only numbers are exchanged here; the messages travel through the ring, which orders
  // them.
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & kClosed) != 0) return {.messages = 0, .closed = true};
    const std::uint64_t free_messages = capacity_ - messages_of(seen);
    const std::uint64_t free_bytes = bytes_max_ - bytes_of(seen);
    std::uint64_t bytes = 0;
    std::size_t fit = 0;
    while (fit < batch.size() && fit < free_messages && batch[fit].size() <= free_bytes - bytes) {
      bytes += batch[fit++].size();
    }
    if (fit == 0) return {};
    if (word_.compare_exchange_weak(seen, seen + pack(fit, bytes), std::memory_order_relaxed)) {
      return {.messages = fit, .closed = false};
    }
  }
}

bool Room::release(std::uint64_t messages, std::uint64_t bytes) noexcept {
  const std::uint64_t given_back = pack(messages, bytes);
  // release: whoever sees the queue finished sees what was counted before.
  return word_.fetch_sub(given_back, std::memory_order_release) == (kClosed | given_back);
}

// release: what the closer did before is seen by who finds it closed.
void Room::close() noexcept { word_.fetch_or(kClosed, std::memory_order_release); }

bool Room::finished() const noexcept {
  // acquire: pairs with every release(), which form one chain of modifications.
  return (word_.load(std::memory_order_acquire) & ~kBytesMask) == kClosed;
}

// relaxed below: snapshots.
bool Room::closed() const noexcept {
  return (word_.load(std::memory_order_relaxed) & kClosed) != 0;
}

std::size_t Room::messages() const noexcept {
  return messages_of(word_.load(std::memory_order_relaxed));
}

std::uint64_t Room::bytes() const noexcept {
  return bytes_of(word_.load(std::memory_order_relaxed));
}

}  // namespace millrace::queue
