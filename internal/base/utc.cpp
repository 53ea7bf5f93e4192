#include "base/utc.h"

#include <cstdio>
#include <ctime>

namespace millrace {

std::string utc_text(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  char text[48];
  std::snprintf(text, sizeof text, "%s.%03dZ", date, static_cast<int>(unix_ms % 1000));
  return text;
}

std::int64_t unix_ms_of(const std::string& text) {
  std::tm utc{};
  const char* const rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  int ms = 0;
  if (rest == nullptr || std::sscanf(rest, ".%3dZ", &ms) != 1) return 0;
  return std::int64_t{::timegm(&utc)} * 1000 + ms;
}

}  // namespace millrace
