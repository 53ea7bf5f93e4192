// What an id costs: made, made with its text, read, and derived from an Idempotency-Key. The rivals
// ask the kernel for each id's random bits, or libuuid.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/random.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "contest.h"

#ifdef MILLRACE_BENCH_LIBUUID
#include <uuid/uuid.h>
#endif

namespace millrace::bench {
namespace {

template <class Make>
void each(const std::string& subject, const std::string& contestant, Make make) {
  contest(subject, contestant, [=](benchmark::State& state) {
    for (auto _ : state) {
      auto made = make();
      benchmark::DoNotOptimize(made);
    }
    count_items(state, 1, "id");
  });
}

// Version 7 as the RFC's simplest way has it: milliseconds, and fresh random bits for all the rest.
Uuid from_getrandom() {
  std::array<std::uint8_t, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) < 0) std::abort();
  std::int64_t ms = system_clock().unix_ms();
  for (std::size_t i = 6; i > 0; --i, ms >>= 8) bytes[i - 1] = static_cast<std::uint8_t>(ms);
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
  return Uuid(bytes);
}

#ifdef MILLRACE_BENCH_LIBUUID
std::array<unsigned char, 16> from_libuuid() {
  std::array<unsigned char, 16> bytes{};
  ::uuid_generate_random(bytes.data());
  return bytes;
}
std::array<char, UUID_STR_LEN> text_from_libuuid() {
  std::array<char, UUID_STR_LEN> text{};
  ::uuid_unparse_lower(from_libuuid().data(), text.data());
  return text;
}
#endif

}  // namespace

void register_contests() {
  each("make", kOurs, [] { return Uuid::v7(); });
  each("make", "getrandom", from_getrandom);
  each("make with text", kOurs, [] { return Uuid::v7().chars(); });
  each("make with text", "getrandom", [] { return from_getrandom().chars(); });
#ifdef MILLRACE_BENCH_LIBUUID
  each("make", "libuuid", from_libuuid);
  each("make with text", "libuuid", text_from_libuuid);
#endif
  each("read", kOurs, [text = Uuid::v7().text()] { return Uuid::parse(text); });
  each("derive", kOurs, [] { return Uuid::derived("orders", "6f1c-key-of-a-client"); });
}

}  // namespace millrace::bench
