// The declaration of one setting. Everything that is said about settings, on every page and in
// every error, is read from these.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace millrace::config {

// A set of services, by the bits of their numbers.
using Services = std::uint8_t;
constexpr Services only(Service service) {
  return static_cast<Services>(1U << static_cast<unsigned>(service));
}

struct Declaration {
  // Stores `value`; otherwise says what is wrong with it, in a few words.
  using Set = std::function<std::optional<std::string>(std::string_view value, Settings& settings)>;

  std::string_view name = {};
  Services services = 0;
  std::string fallback = {};        // the default, in the form a user would write
  std::string fallback_words = {};  // how pages name it when it depends on the machine
  std::string allowed = {};
  std::string_view sentence = {};
  Set set = {};
  bool secret = false;

  [[nodiscard]] bool read_by(Service service) const { return (services & only(service)) != 0; }
  // Its value for a person: escaped, hidden when it is a secret.
  [[nodiscard]] std::string shown(std::string_view value) const;
};

// All of them, in the order of the pages.
const std::vector<Declaration>& declarations();

// What `lookup` has for it, its default when that is nothing or empty.
std::string value_of(const Declaration& declaration, const Lookup& lookup);

// One line: the variable, its value (cut when long) and what is allowed.
Status set_from(const Declaration& declaration, const Lookup& lookup, Settings& settings);

}  // namespace millrace::config
