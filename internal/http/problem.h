// Errors as RFC 9457 problem details.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "http/types.h"

namespace millrace::http {

// The one HTTP status of each Code.
unsigned http_status(Code code);

// An application/problem+json answer:
// {"type":"about:blank","title","status","detail","request_id"}. `detail` is for the person at the
// other end: what was wrong and what to change. 503 and 429 get Retry-After.
Response problem(unsigned status, std::string_view detail, std::string_view request_id);
Response problem(const Status& status, std::string_view request_id);

}  // namespace millrace::http
