// What an HTTP exchange is made of, free of sockets and of any library's types.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::http {

enum class Method : std::uint8_t { get, head, post, options, other };

inline constexpr std::size_t kMethodCount = 5;

// "GET", ...; "other" for what isn't in the set, so that a label stays in a closed set.
std::string_view method_name(Method method);

struct Header {
  std::string_view name;
  std::string_view value;
};

// One request, whole. The views live as long as the call they are passed to: keep copies.
struct Request {
  Method method = Method::other;
  std::string_view path;   // without the query; as sent, not percent-decoded
  std::string_view query;  // after the '?', or empty
  unsigned version = 11;   // 10 or 11
  bool keep_alive = true;
  std::span<const Header> headers;
  std::string_view body;
  std::string_view request_id;  // the caller's X-Request-Id, or one we made

  // The first header of that name (any case), or empty.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string_view content_type = "application/json";  // must be static
  std::string body;
  std::vector<std::pair<std::string_view, std::string>> headers;  // names must be static
  bool close = false;  // end the connection after this answer

  static Response json(std::string body, unsigned status = 200);
  static Response text(std::string body, unsigned status = 200);
};

// "OK", "Not Found", ...: the standard phrase.
std::string_view reason_phrase(unsigned status);

// Case-insensitive comparison, ASCII only.
bool iequals(std::string_view a, std::string_view b);

}  // namespace millrace::http
