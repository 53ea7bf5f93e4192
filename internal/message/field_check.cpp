#include "message/field_check.h"

#include <string>

#include "message/utf8.h"

namespace millrace {

Status check_size(std::string_view name, std::string_view value, std::size_t bytes_max) {
  if (value.empty()) return {Code::rejected, std::string(name) + ": must not be empty"};
  if (value.size() > bytes_max) {
    return {Code::rejected, std::string(name) + ": must be at most " + std::to_string(bytes_max) +
                                " bytes, has " + std::to_string(value.size())};
  }
  return {};
}

Status check_text(std::string_view name, std::string_view value, std::size_t bytes_max) {
  Status size = check_size(name, value, bytes_max);
  if (size.ok() && !is_utf8(value)) {
    return {Code::rejected, std::string(name) + ": must be valid UTF-8"};
  }
  return size;
}

}  // namespace millrace
