// The id under which a request is found in logs: its caller's, if that may stand in a header and in
// a log line.
#pragma once

#include <string>
#include <string_view>

namespace millrace::observe {

// Sets `id` to `given` when that is 1 to 128 printable ASCII characters without blanks, otherwise
// to a new UUIDv7.
void adopt_request_id(std::string& id, std::string_view given);

}  // namespace millrace::observe
