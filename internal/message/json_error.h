// What to tell a client whose JSON can't be read.
#pragma once

#include <string_view>

#include "base/status.h"

namespace millrace {

// Code::invalid with the line and column (from 1) and the byte (from 0) of the first error in
// `body`, which the fast parser refused saying `parser_text`. It alone is said when no position is
// found: a number out of range, for example. Reads the body once more, without recursion.
// Thread-safe.
Status json_error(std::string_view body, std::string_view parser_text);

}  // namespace millrace
