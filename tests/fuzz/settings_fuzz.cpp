// The input as the text of a .env file, and as the raw value of every variable. Whatever it is,
// errors and pages keep to their lines, and what was read comes back when it is written again.
#include <algorithm>
#include <map>
#include <optional>

#include "base/http_url.h"
#include "config/declaration.h"
#include "config/env_file.h"
#include "config/settings.h"
#include "config/values.h"
#include "require.h"

namespace millrace::fuzz {
namespace {

using namespace millrace::config;

// Every variable shows it several times: longer ones only make the runs slow.
constexpr std::size_t kValueBytesMax = 8192;

constexpr auto kServices = {Service::gateway, Service::ingest, Service::processor};

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), is_control);
}

void check_error(const Status& status) {
  require(status.code() == Code::invalid, "an error's code");
  require(is_one_line(status.text()) && status.text().size() < 400, "an error is a short line");
}

// What the settings let through, connections can be made of.
void check_urls(const Settings& settings) {
  for (const auto* urls : {&settings.ingest_urls, &settings.processor_urls}) {
    for (const auto& url : *urls)
      require(parse_http_url(url).has_value(), "an accepted URL is one");
  }
}

void check_services(const Lookup& lookup) {
  for (const Service service : kServices) {
    const auto settings = load(service, lookup);
    if (!settings) check_error(settings.error());
    if (settings) check_urls(*settings);
    const auto read_here = std::count_if(declarations().begin(), declarations().end(),
                                         [=](const auto& d) { return d.read_by(service); });
    const std::string lines = effective(service, lookup);
    require(std::count_if(lines.begin(), lines.end(), is_control) == read_here,
            "effective values are a line each");
  }
}

// As a .env file would hold them; nothing when a value can't be quoted.
std::optional<std::string> written(const std::map<std::string, std::string>& values) {
  std::string text;
  for (const auto& [name, value] : values) {
    const char quote = value.find('"') == value.npos ? '"' : '\'';
    if (value.find(quote) != value.npos) return std::nullopt;
    text.append(name).append("=").append(1, quote).append(value).append(1, quote).append("\n");
  }
  return text;
}

void check_file(std::string_view text) {
  const auto values = parse_env_file(text, ".env");
  if (!values) return check_error(values.error());
  if (const auto again = written(*values)) {
    require(parse_env_file(*again, ".env").value() == *values, "values come back the same");
  }
  check_services([&values](std::string_view name) -> std::optional<std::string> {
    const auto found = values->find(std::string(name));
    if (found == values->end()) return std::nullopt;
    return found->second;
  });
}

void check_value(std::string_view value) {
  const Lookup lookup = [value](std::string_view) { return std::string(value); };
  for (const Declaration& declaration : declarations()) {
    Settings settings;
    const Status status = set_from(declaration, lookup, settings);
    if (!status.ok()) check_error(status);
    require(is_one_line(declaration.shown(value)), "a shown value is one line");
  }
  check_services(lookup);
  if (const auto duration = parse_duration(value)) {
    require(duration->count() >= 0, "a duration isn't negative");
    require(parse_duration(duration_text(*duration)) == duration, "a duration reads back");
  }
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = millrace::fuzz::as_text(data, size);
  millrace::fuzz::check_file(text);
  millrace::fuzz::check_value(text.substr(0, millrace::fuzz::kValueBytesMax));
  return 0;
}
