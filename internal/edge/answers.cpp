#include "edge/answers.h"

#include "http/problem.h"
#include "message/json.h"

namespace millrace::edge {

http::Response accepted(std::string_view message_id, unsigned status) {
  std::string body;
  body.reserve(message_id.size() + 40);
  body.append("{\"messageId\":");
  append_json_string(body, message_id);
  body.append(",\"status\":\"accepted\"}");
  return http::Response::json(std::move(body), status);
}

bool has_content_type(const http::Request& request, std::string_view type) {
  std::string_view given = request.header("Content-Type");
  given = given.substr(0, given.find(';'));
  while (given.ends_with(' ') || given.ends_with('\t')) given.remove_suffix(1);
  return http::iequals(given, type);
}

bool is_json(const http::Request& request) {
  return request.header("Content-Type").empty() || has_content_type(request, "application/json");
}

http::Response unsupported_media_type(const http::Request& request, std::string_view wanted) {
  return http::problem(415, "Content-Type must be " + std::string(wanted), request.request_id);
}

}  // namespace millrace::edge
