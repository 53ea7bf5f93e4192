#include "http/test_wire.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <stdexcept>

#include "http/types.h"

namespace millrace::http::testing {
namespace {

[[noreturn]] void malformed(const std::string& what) {
  throw std::runtime_error("malformed response: " + what);
}

std::size_t to_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) malformed("a bad number");
  return number;
}

std::pair<std::string, std::string> parse_header(std::string_view line) {
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos || colon == 0) malformed(std::string(line));
  if (line.substr(0, colon).find(' ') != std::string_view::npos) malformed(std::string(line));
  return {std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))};
}

void parse_status_line(std::string_view line, WireResponse& response) {
  const bool is_11 = line.starts_with("HTTP/1.1 ");
  if (!is_11 && !line.starts_with("HTTP/1.0 ")) malformed(std::string(line));
  if (line.size() < 14 || line[12] != ' ') malformed(std::string(line));
  response.version = is_11 ? 11 : 10;
  response.status = static_cast<unsigned>(to_number(line.substr(9, 3)));
  if (line.substr(13) != reason_phrase(response.status)) malformed(std::string(line));
}

// Up to and with the empty line.
WireResponse parse_head(std::string_view head) {
  WireResponse response;
  for (bool first = true; head != "\r\n"; first = false) {
    const auto end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    if (std::any_of(line.begin(), line.end(), [](char c) { return c >= 0 && c < ' '; })) {
      malformed("a control character");
    }
    if (first) {
      parse_status_line(line, response);
    } else {
      response.headers.push_back(parse_header(line));
    }
    head.remove_prefix(end + 2);
  }
  return response;
}

}  // namespace

std::string WireResponse::header(std::string_view name) const {
  const std::string* found = nullptr;
  for (const auto& [key, value] : headers) {
    if (!iequals(key, name)) continue;
    if (found != nullptr) malformed("two headers " + key);
    found = &value;
  }
  return found != nullptr ? *found : std::string();
}

std::optional<WireResponse> take_response(std::string_view& bytes, bool head) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  WireResponse response = parse_head(bytes.substr(0, end + 4));
  const bool bare = response.status / 100 == 1 || response.status == 204;
  const std::string length = response.header("Content-Length");
  if (bare != length.empty()) malformed("Content-Length and status don't fit");
  const std::size_t body = bare || head ? 0 : to_number(length);
  if (bytes.size() - (end + 4) < body) return std::nullopt;
  response.body = bytes.substr(end + 4, body);
  bytes.remove_prefix(end + 4 + body);
  return response;
}

std::vector<WireResponse> take_responses(std::string_view bytes) {
  std::vector<WireResponse> responses;
  while (!bytes.empty()) {
    auto response = take_response(bytes);
    if (!response) malformed("it isn't whole");
    responses.push_back(std::move(*response));
  }
  return responses;
}

double metric(const observe::Registry& registry, std::string_view name,
              const std::vector<std::string>& labels) {
  double sum = 0;
  std::istringstream text(registry.expose());
  for (std::string line; std::getline(text, line);) {
    const auto name_end = line.find_first_of("{ ");
    if (line.substr(0, name_end) != name) continue;
    const bool fits = std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
      return line.find(label) != std::string::npos;
    });
    if (fits) sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

}  // namespace millrace::http::testing
