#include "base/uuid.h"

#include <algorithm>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>
#include <random>
#include <sys/random.h>
#include <system_error>

#include "base/clock.h"
#include "base/uuid_generator.h"

namespace millrace {
namespace {

// The namespace of ids derived from an Idempotency-Key. Changing it changes every such id, so a
// client's retry across an upgrade would be worked off twice.
constexpr boost::uuids::uuid kNamespace = {{0xc3, 0x23, 0xe4, 0x0c, 0xa7, 0xee, 0x48, 0x25, 0x8f,
                                            0x23, 0x7c, 0xf2, 0xc3, 0x67, 0x97, 0xbb}};

constexpr bool is_dash(std::size_t position) {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

// -1 unless a hex digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

UuidGenerator seeded_generator() {
  std::array<std::uint32_t, 8> entropy{};
  if (::getrandom(entropy.data(), sizeof entropy, 0) != static_cast<ssize_t>(sizeof entropy)) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  std::seed_seq seed(entropy.begin(), entropy.end());
  return UuidGenerator(std::mt19937_64(seed));
}

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Uuid uuid;
  std::size_t digit = 0;
  for (std::size_t i = 0; i < kTextSize; ++i) {
    if (is_dash(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    std::uint8_t& byte = uuid.bytes_[digit / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
    ++digit;
  }
  return uuid;
}

Uuid Uuid::v7() {
  thread_local UuidGenerator generator = seeded_generator();
  return generator.next(system_clock().unix_ms());
}

Uuid Uuid::derived(std::string_view source, std::string_view key) {
  // The length in front keeps ("a", "bc") and ("ab", "c") apart.
  std::string name = std::to_string(source.size());
  name.append(":").append(source).append(key);
  const auto id = boost::uuids::name_generator_sha1(kNamespace)(name.data(), name.size());
  Uuid uuid;
  std::copy(id.begin(), id.end(), uuid.bytes_.begin());
  return uuid;
}

std::array<char, Uuid::kTextSize> Uuid::chars() const {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, kTextSize> text;
  std::size_t at = 0;
  for (const std::uint8_t byte : bytes_) {
    if (is_dash(at)) text[at++] = '-';
    text[at++] = kDigits[byte >> 4];
    text[at++] = kDigits[byte & 0xf];
  }
  return text;
}

std::string Uuid::text() const {
  const auto text = chars();
  return {text.data(), text.size()};
}

std::optional<std::int64_t> Uuid::unix_ms() const {
  if (bytes_[6] >> 4 != 7 || bytes_[8] >> 6 != 2) return std::nullopt;
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | bytes_[i];
  return ms;
}

}  // namespace millrace
