#include "config/declaration.h"

#include "config/values.h"

namespace millrace::config {
namespace {
constexpr std::size_t kShownBytesMax = 80;
}  // namespace

std::string Declaration::shown(std::string_view value) const {
  return secret && !value.empty() ? "***" : printable(value);
}

std::string value_of(const Declaration& declaration, const Lookup& lookup) {
  auto value = lookup(declaration.name);
  return value && !value->empty() ? *std::move(value) : declaration.fallback;
}

Status set_from(const Declaration& declaration, const Lookup& lookup, Settings& settings) {
  const std::string value = value_of(declaration, lookup);
  const auto wrong = declaration.set(value, settings);
  if (!wrong) return {};
  std::string shown = declaration.shown(value);
  if (shown.size() > kShownBytesMax) shown.replace(kShownBytesMax, shown.npos, "...");
  return {Code::invalid, std::string(declaration.name) + "=" + shown + ": " + *wrong +
                             " (allowed: " + declaration.allowed + ")"};
}

}  // namespace millrace::config
