#include "config/kinds.h"

#include <algorithm>

namespace millrace::config {

using std::chrono::milliseconds;

Declaration port(std::string_view name, Services services, std::string fallback,
                 std::uint16_t Settings::*field, std::string_view sentence) {
  Declaration declaration =
      number(name, services, std::move(fallback), {1, 65535}, field, sentence);
  declaration.set = [set = declaration.set](std::string_view value, Settings& settings) {
    auto wrong = set(value, settings);
    if (wrong) *wrong = "not a port";
    return wrong;
  };
  return declaration;
}

Declaration duration(std::string_view name, Services services, milliseconds fallback,
                     milliseconds min, milliseconds max, milliseconds Settings::*field,
                     std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    const auto parsed = parse_duration(value);
    if (!parsed) return "not a duration";
    if (*parsed < min || *parsed > max) return "out of range";
    settings.*field = *parsed;
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = duration_text(fallback),
          .allowed = duration_text(min) + " to " + duration_text(max) +
                     ", as 500ms, 30s, 2m, 24h or whole seconds",
          .sentence = sentence,
          .set = set};
}

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

}  // namespace

Declaration word(std::string_view name, Services services, std::string fallback,
                 std::vector<std::string> words, std::string Settings::*field,
                 std::string_view sentence) {
  std::string allowed = joined(words);
  const auto set = [words = std::move(words), field](
                       std::string_view value, Settings& settings) -> std::optional<std::string> {
    if (std::find(words.begin(), words.end(), value) == words.end()) return "not known";
    settings.*field = value;
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = std::move(fallback),
          .allowed = std::move(allowed),
          .sentence = sentence,
          .set = set};
}

Declaration flag(std::string_view name, Services services, bool fallback, bool Settings::*field,
                 std::string_view sentence) {
  const auto set = [field](std::string_view value,
                           Settings& settings) -> std::optional<std::string> {
    if (value != "true" && value != "false") return "not known";
    settings.*field = value == "true";
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = fallback ? "true" : "false",
          .allowed = "true, false",
          .sentence = sentence,
          .set = set};
}

Declaration urls(std::string_view name, Services services, std::string fallback,
                 std::vector<std::string> Settings::*field, std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    auto parsed = parse_urls(value);
    if (!parsed) return "not a list of URLs";
    settings.*field = std::move(*parsed);
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = std::move(fallback),
          .allowed = "http://host[:port], up to 64, separated by commas without blanks",
          .sentence = sentence,
          .set = set};
}

Declaration text(std::string_view name, Services services, std::string fallback,
                 bool (*test)(std::string_view), std::string wrong, std::string allowed,
                 std::string Settings::*field, std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    if (!test(value)) return wrong;
    settings.*field = value;
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = std::move(fallback),
          .allowed = std::move(allowed),
          .sentence = sentence,
          .set = set};
}

Declaration optional_file(std::string_view name, Services services, std::string Settings::*field,
                          std::string_view sentence) {
  const auto is_path_or_empty = [](std::string_view path) { return path.empty() || is_path(path); };
  Declaration declaration = text(name, services, "", is_path_or_empty, "not a file's path",
                                 "up to 4095 bytes, no control characters", field, sentence);
  declaration.fallback_words = "none";
  return declaration;
}

}  // namespace millrace::config
