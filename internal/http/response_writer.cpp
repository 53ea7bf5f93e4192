#include "http/response_writer.h"

#include <array>
#include <charconv>
#include <ctime>

namespace millrace::http {
namespace {

// RFC 9110, 6.6.1: an origin server with a clock sends Date. Formatted once a second and thread.
std::string_view date_header() {
  thread_local std::time_t formatted = 0;
  thread_local std::array<char, 64> text{};
  thread_local std::size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now != formatted) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    size = std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    formatted = now;
  }
  return {text.data(), size};
}

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_value(std::string& out, std::string_view value) {
  for (const char c : value) out.push_back(static_cast<unsigned char>(c) < ' ' ? ' ' : c);
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  append_value(out, value);
  out.append("\r\n");
}

}  // namespace

void append_response(std::string& out, const Response& response, const ResponseFraming& framing) {
  out.append(framing.version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ");
  append_number(out, response.status);
  out.append(" ").append(reason_phrase(response.status)).append("\r\n").append(date_header());
  const bool has_body = response.status != 204;
  if (has_body) {
    out.append("Content-Type: ").append(response.content_type).append("\r\nContent-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  }
  append_header(out, "X-Request-Id", framing.request_id);
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  if (!framing.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (framing.version == 10) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  if (has_body && !framing.head) out.append(response.body);
}

}  // namespace millrace::http
