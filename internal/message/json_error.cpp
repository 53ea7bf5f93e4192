#include "message/json_error.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace millrace {
namespace {

struct Finding {
  std::size_t byte;  // from 0
  std::string text;
};

// Takes nothing in; keeps where the parser stopped.
class ErrorFinder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*elements*/) override { return true; }
  bool key(string_t& /*value*/) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*elements*/) override { return true; }
  bool end_array() override { return true; }

  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const nlohmann::json::exception& error) override {
    finding_ = Finding{position == 0 ? 0 : position - 1, shorten(error.what())};
    return false;
  }

  [[nodiscard]] const std::optional<Finding>& finding() const { return finding_; }

 private:
  // "[json...101] parse error at line 1, column 2: syntax error while ...; last read: '...'; ...":
  // without the position, which we give ourselves, and without the client's own bytes.
  static std::string shorten(std::string text) {
    if (const auto head = text.find(": "); head != std::string::npos) text.erase(0, head + 2);
    if (const auto tail = text.find("; last read: "); tail != std::string::npos) text.erase(tail);
    return text;
  }

  std::optional<Finding> finding_;
};

std::optional<Finding> find_error(std::string_view body) {
  ErrorFinder finder;
  nlohmann::json::sax_parse(body, &finder);
  if (finder.finding()) return finder.finding();
  // This parser takes a NUL byte for the end of its input.
  if (const auto nul = body.find('\0'); nul != std::string_view::npos) {
    return Finding{nul, "a NUL byte after the value"};
  }
  if (body.substr(0, 3) == "\xef\xbb\xbf") return Finding{0, "a byte order mark"};
  return std::nullopt;
}

}  // namespace

Status json_error(std::string_view body, std::string_view parser_text) {
  const auto finding = find_error(body);
  if (!finding) return {Code::invalid, "not readable as JSON: " + std::string(parser_text)};
  const std::size_t byte = std::min(finding->byte, body.size());
  const std::string_view before = body.substr(0, byte);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t column = byte - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  return {Code::invalid, "not JSON: line " + std::to_string(line) + ", column " +
                             std::to_string(column) + ", byte " + std::to_string(byte) + ": " +
                             finding->text};
}

}  // namespace millrace
