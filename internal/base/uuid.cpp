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

// Where in the text the two digits of each byte stand, and where the dashes do.
constexpr std::array<std::uint8_t, 16> kDigitsAt = {0,  2,  4,  6,  9,  11, 14, 16,
                                                    19, 21, 24, 26, 28, 30, 32, 34};
constexpr std::array<std::uint8_t, 4> kDashAt = {8, 13, 18, 23};

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::uint8_t kNoDigit = 0xf0;

// The value of each character as a hex digit. A table: ids are read for every message.
constexpr auto kHexValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 16; ++i) {
    values[static_cast<std::uint8_t>(kDigits[i])] = i;
    values[static_cast<std::uint8_t>("0123456789ABCDEF"[i])] = i;
  }
  return values;
}();

constexpr std::uint8_t hex_value(char c) { return kHexValues[static_cast<std::uint8_t>(c)]; }

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
  for (const std::uint8_t dash : kDashAt) {
    if (text[dash] != '-') return std::nullopt;
  }
  Uuid uuid;
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < uuid.bytes_.size(); ++i) {
    const std::uint8_t high = hex_value(text[kDigitsAt[i]]);
    const std::uint8_t low = hex_value(text[kDigitsAt[i] + 1U]);
    seen |= high | low;
    uuid.bytes_[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if ((seen & kNoDigit) != 0) return std::nullopt;
  return uuid;
}

Uuid Uuid::v7() { return v7(system_clock().unix_ms()); }

Uuid Uuid::v7(std::int64_t unix_ms) {
  thread_local UuidGenerator generator = seeded_generator();
  return generator.next(unix_ms);
}

Uuid Uuid::derived(std::string_view source, std::string_view key, std::uint64_t place) {
  // The length in front keeps ("a", "bc") and ("ab", "c") apart; without a place it begins the
  // name.
  std::string name = place == 0 ? "" : "#" + std::to_string(place) + ":";
  name.append(std::to_string(source.size())).append(":").append(source).append(key);
  const auto id = boost::uuids::name_generator_sha1(kNamespace)(name.data(), name.size());
  Uuid uuid;
  std::copy(id.begin(), id.end(), uuid.bytes_.begin());
  return uuid;
}

std::array<char, Uuid::kTextSize> Uuid::chars() const {
  std::array<char, kTextSize> text;
  for (const std::uint8_t dash : kDashAt) text[dash] = '-';
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    text[kDigitsAt[i]] = kDigits[bytes_[i] >> 4];
    text[kDigitsAt[i] + 1U] = kDigits[bytes_[i] & 0xf];
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

std::optional<std::int64_t> Uuid::unix_ms_of(std::string_view text) {
  constexpr std::size_t kVersionAt = 14;
  constexpr std::size_t kVariantAt = 19;
  constexpr std::uint8_t kVariantMask = 0xc;
  constexpr std::uint8_t kVariant = 0x8;
  if (text.size() != kTextSize || text[kVersionAt] != '7') return std::nullopt;
  for (const std::uint8_t dash : kDashAt) {
    if (text[dash] != '-') return std::nullopt;
  }
  std::uint8_t seen = hex_value(text[kVariantAt]);
  if ((seen & kVariantMask) != kVariant) return std::nullopt;
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    const std::uint8_t high = hex_value(text[kDigitsAt[i]]);
    const std::uint8_t low = hex_value(text[kDigitsAt[i] + 1U]);
    seen |= high | low;
    ms = ms << 8 | high << 4 | low;
  }
  if ((seen & kNoDigit) != 0) return std::nullopt;
  return ms;
}

}  // namespace millrace
