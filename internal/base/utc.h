// Times as people and logs write them.
#pragma once

#include <cstdint>
#include <string>

namespace millrace {

// RFC 3339 in UTC with milliseconds: "2026-01-02T03:04:05.678Z".
std::string utc_text(std::int64_t unix_ms);

// Reads what utc_text() writes; 0 when it is anything else.
std::int64_t unix_ms_of(const std::string& text);

}  // namespace millrace
