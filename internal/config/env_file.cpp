#include "config/env_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/values.h"

namespace millrace::config {
namespace {

constexpr std::string_view kBlanks = " \t";

bool is_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool is_blank_or_comment(std::string_view text) { return text.empty() || text.front() == '#'; }

// Nothing when a quote isn't closed, or something follows the closing one.
std::optional<std::string_view> value_of(std::string_view text) {
  if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
    const std::size_t end = text.find(text.front(), 1);
    if (end == std::string_view::npos || !is_blank_or_comment(trimmed(text.substr(end + 1)))) {
      return std::nullopt;
    }
    return text.substr(1, end - 1);
  }
  // A comment begins at a `#` that is first or stands behind a blank: a fragment of a URL doesn't.
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && (i == 0 || kBlanks.find(text[i - 1]) != kBlanks.npos)) {
      return trimmed(text.substr(0, i));
    }
  }
  return text;
}

// What is wrong with the line, or nothing. A setting is added to `values`.
std::string_view read_line(std::string_view line, std::map<std::string, std::string>& values) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  line = trimmed(line);
  if (is_blank_or_comment(line)) return {};
  if (line.starts_with("export") && line.find_first_of(kBlanks) == 6)
    line = trimmed(line.substr(6));

  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return "not NAME=value: there is no =";
  const std::string_view name = trimmed(line.substr(0, equals));
  if (!is_name(name)) return "not NAME=value: a name is letters, digits and _";
  const auto value = value_of(trimmed(line.substr(equals + 1)));
  if (!value) return "quotes must be closed and end the value";
  if (std::any_of(value->begin(), value->end(), is_control)) {
    return "control characters aren't allowed in a value";
  }
  values.insert_or_assign(std::string(name), std::string(*value));
  return {};
}

}  // namespace

Result<std::map<std::string, std::string>> parse_env_file(std::string_view text,
                                                          std::string_view file) {
  std::map<std::string, std::string> values;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view wrong = read_line(text.substr(0, end), values);
    if (!wrong.empty()) {
      return Status(Code::invalid,
                    std::string(file) + ":" + std::to_string(number) + ": " + std::string(wrong));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return values;
}

}  // namespace millrace::config
