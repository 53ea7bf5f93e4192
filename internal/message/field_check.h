// What every text field of a message must be, whichever form it arrived in.
#pragma once

#include <string_view>

#include "base/status.h"

namespace millrace {

// Ok, or Code::rejected naming the field: `value` is 1 to `bytes_max` bytes of valid UTF-8.
Status check_text(std::string_view name, std::string_view value, std::size_t bytes_max);
// The same of text that is known to be UTF-8.
Status check_size(std::string_view name, std::string_view value, std::size_t bytes_max);

}  // namespace millrace
