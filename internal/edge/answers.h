// What the edges have in common: content types and the answer to one accepted or refused message.
#pragma once

#include <string_view>

#include "base/status.h"
#include "http/reply.h"
#include "http/types.h"

namespace millrace::edge {

// 200 {"messageId":…,"status":"accepted"}, or with another status code of success.
http::Response accepted(std::string_view message_id, unsigned status = 200);

// "application/json" with any parameters, or no Content-Type at all.
bool is_json(const http::Request& request);
// `type` with any parameters.
bool has_content_type(const http::Request& request, std::string_view type);

http::Response unsupported_media_type(const http::Request& request, std::string_view wanted);

}  // namespace millrace::edge
