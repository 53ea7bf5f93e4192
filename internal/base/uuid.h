// Message ids: RFC 9562 UUIDs. Version 7 carries the Unix milliseconds of its making; version 5 is
// derived from a name, so that the same name always gives the same id.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

class Uuid {
 public:
  static constexpr std::size_t kTextSize = 36;

  Uuid() = default;
  explicit Uuid(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}

  // Nothing unless `text` is 8-4-4-4-12 hex digits of either case.
  static std::optional<Uuid> parse(std::string_view text);

  // A fresh version 7 id. Ids made by one thread are strictly increasing. Thread-safe, no locks.
  static Uuid v7();
  // The same of a time that is known already, in Unix milliseconds.
  static Uuid v7(std::int64_t unix_ms);

  // The version 5 id of `source` and `key` (RFC 9562, 5.5): an Idempotency-Key's message id. A
  // `place`, from 1, is the message's in a stream whose key it is; no other key gives its id.
  static Uuid derived(std::string_view source, std::string_view key, std::uint64_t place = 0);

  // Whether `text` may be such an id: has the length and the version of one.
  static bool may_be_derived(std::string_view text) {
    constexpr std::size_t kVersionAt = 14;
    return text.size() == kTextSize && text[kVersionAt] == '5';
  }

  // Lower case, 36 characters.
  [[nodiscard]] std::array<char, kTextSize> chars() const;
  [[nodiscard]] std::string text() const;

  // Unix milliseconds, if this is a version 7 id.
  [[nodiscard]] std::optional<std::int64_t> unix_ms() const;
  // The same of an id's text, of which no more is looked at than that takes: a worker asks for
  // each message.
  static std::optional<std::int64_t> unix_ms_of(std::string_view text);

  friend auto operator<=>(const Uuid&, const Uuid&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace millrace
