#include "base/status.h"

#include <array>
#include <stdexcept>

namespace millrace {
namespace {
constexpr std::array<std::string_view, kCodeCount> kNames = {"ok",        "invalid",  "rejected",
                                                             "too_large", "full",     "unavailable",
                                                             "closed",    "deadline", "internal"};
}  // namespace

std::string_view code_name(Code code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "unknown";
}

bool is_retryable(Code code) {
  return code == Code::full || code == Code::unavailable || code == Code::closed ||
         code == Code::deadline;
}

std::string to_string(const Status& status) {
  std::string out(code_name(status.code()));
  if (!status.text().empty()) out.append(": ").append(status.text());
  return out;
}

void throw_exception_from_error(const Status& status, const boost::source_location&) {
  throw std::runtime_error(to_string(status));
}

}  // namespace millrace
