// Responses to bytes.
#pragma once

#include <string>
#include <string_view>

#include "http/types.h"

namespace millrace::http {

struct ResponseFraming {
  unsigned version = 11;  // the request's
  bool head = false;      // an answer to HEAD: the length of a body, but no body
  bool keep_alive = true;
  std::string_view request_id;
};

// Appends the whole response. Control characters in header values are replaced by spaces, so a
// value can't begin another header.
void append_response(std::string& out, const Response& response, const ResponseFraming& framing);

}  // namespace millrace::http
