// Whether bytes are text.
#pragma once

#include <string_view>

namespace millrace {

// Valid UTF-8 as RFC 3629 has it: no surrogates, no overlong forms. Thread-safe.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace millrace
