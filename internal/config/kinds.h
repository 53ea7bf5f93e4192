// The kinds of settings: what reads a value, says what is wrong with it, and what is allowed.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "config/declaration.h"
#include "config/values.h"

namespace millrace::config {

struct Range {
  std::uint64_t min;
  std::uint64_t max;
};

// A whole number within bounds.
template <class T>
Declaration number(std::string_view name, Services services, std::string fallback, Range range,
                   T Settings::*field, std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    const auto parsed = parse_number(value);
    if (!parsed) return "not a whole number";
    if (*parsed < range.min || *parsed > range.max) return "out of range";
    settings.*field = static_cast<T>(*parsed);
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = std::move(fallback),
          .allowed = std::to_string(range.min) + " to " + std::to_string(range.max),
          .sentence = sentence,
          .set = set};
}

Declaration port(std::string_view name, Services services, std::string fallback,
                 std::uint16_t Settings::*field, std::string_view sentence);

Declaration duration(std::string_view name, Services services, std::chrono::milliseconds fallback,
                     std::chrono::milliseconds min, std::chrono::milliseconds max,
                     std::chrono::milliseconds Settings::*field, std::string_view sentence);

// One of `words`.
Declaration word(std::string_view name, Services services, std::string fallback,
                 std::vector<std::string> words, std::string Settings::*field,
                 std::string_view sentence);

// true or false.
Declaration flag(std::string_view name, Services services, bool fallback, bool Settings::*field,
                 std::string_view sentence);

// A comma-separated list of http:// URLs.
Declaration urls(std::string_view name, Services services, std::string fallback,
                 std::vector<std::string> Settings::*field, std::string_view sentence);

// A text that `test` accepts.
Declaration text(std::string_view name, Services services, std::string fallback,
                 bool (*test)(std::string_view), std::string wrong, std::string allowed,
                 std::string Settings::*field, std::string_view sentence);

// A file's path, or none.
Declaration optional_file(std::string_view name, Services services, std::string Settings::*field,
                          std::string_view sentence);

}  // namespace millrace::config
