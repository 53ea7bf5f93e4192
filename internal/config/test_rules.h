// What the tests of settings have in common: a variable's rule as a row of a table, and the checks
// that every row must stand.
#pragma once

#include <catch2/catch.hpp>
#include <map>

#include "config/settings.h"

namespace millrace::config {

using Environment = std::map<std::string, std::string>;

inline Lookup from(const Environment& environment) {
  return [environment](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(std::string(name));
    if (found == environment.end()) return std::nullopt;
    return found->second;
  };
}

inline Settings loaded(Service service, const Environment& environment) {
  return load(service, from(environment)).value();
}

inline std::string error_of(Service service, const Environment& environment) {
  const auto result = load(service, from(environment));
  if (result) return "accepted";
  CHECK(result.error().code() == Code::invalid);
  return result.error().text();
}

// Which value of a variable is taken and which isn't; `read` gives the value as text.
struct Rule {
  Service service;
  std::string name;
  std::function<std::string(const Settings&)> read;
  std::map<std::string, std::string> good;  // value and what is read
  std::vector<std::string> bad;
  std::string allowed;  // what an error must say
};

template <class T>
std::function<std::string(const Settings&)> field(T Settings::*member) {
  return [member](const Settings& settings) -> std::string {
    if constexpr (std::is_same_v<T, std::string>) {
      return settings.*member;
    } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
      return std::to_string((settings.*member).count());
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      std::string all;
      for (const std::string& one : settings.*member) all.append(one).append(" ");
      return all;
    } else {
      return std::to_string(settings.*member);
    }
  };
}

inline const std::vector<std::string> kNotNumbers = {"x",  " 1",   "1 ",  "+1",
                                                     "-1", "0x10", "1.5", "1e2"};

inline std::vector<std::string> not_numbers_and(std::vector<std::string> more) {
  more.insert(more.end(), kNotNumbers.begin(), kNotNumbers.end());
  return more;
}

inline void check_what_is_good(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    for (const auto& [value, expected] : rule.good) {
      CAPTURE(rule.name, value);
      CHECK(rule.read(loaded(rule.service, {{rule.name, value}})) == expected);
    }
  }
}

// One line with the name and what is allowed.
inline void check_what_is_bad(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    for (const std::string& value : rule.bad) {
      CAPTURE(rule.name, value);
      const std::string error = error_of(rule.service, {{rule.name, value}});
      CHECK_THAT(error, Catch::StartsWith(rule.name + "=") &&
                            Catch::Contains("(allowed: " + rule.allowed));
      CHECK(error.find('\n') == std::string::npos);
      CHECK(error.size() < 300);
    }
  }
}

inline void check_defaults(const std::vector<Rule>& rules) {
  const Settings expected;
  for (const Rule& rule : rules) {
    if (rule.name == "INGEST_URL" || rule.name == "PROCESSOR_URL" || rule.name == "IO_THREADS") {
      continue;
    }
    CAPTURE(rule.name);
    CHECK(rule.read(loaded(rule.service, {})) == rule.read(expected));
  }
}

}  // namespace millrace::config
