#include "base/uuid_generator.h"

namespace millrace {

void UuidGenerator::start_millisecond(std::uint64_t ms) {
  ms_ = ms;
  // The top bit stays clear: room for 2^19 ids before the counter runs out.
  counter_ = random_() >> (64 - (kCounterBits - 1));
}

Uuid UuidGenerator::next(std::int64_t unix_ms) {
  if (const auto now_ms = static_cast<std::uint64_t>(unix_ms); now_ms > ms_) {
    start_millisecond(now_ms);
  } else if (++counter_ >> kCounterBits != 0) {
    start_millisecond(ms_ + 1);
  }
  const std::uint64_t tail = random_() >> 10;
  const std::uint64_t high = ms_ << 16 | 0x7000 | counter_ >> 8;
  const std::uint64_t low = 0x8000'0000'0000'0000 | (counter_ & 0xff) << 54 | tail;

  std::array<std::uint8_t, 16> bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return Uuid(bytes);
}

}  // namespace millrace
