// The text of a `.env` file: NAME=value lines, as shells and container tools share them.
//
//   # a comment
//   export NAME = value        # blanks around the parts don't count
//   QUOTED="a # in quotes"     # one pair of matching quotes is taken off
//
// Nothing is expanded or unescaped: `$` and `\` stand for themselves. The last of equal names
// counts.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace millrace::config {

// Code::invalid naming `file` and the line when a line is none of these, or holds a control
// character. The line itself isn't quoted in the error: it may hold a secret. Thread-safe.
Result<std::map<std::string, std::string>> parse_env_file(std::string_view text,
                                                          std::string_view file);

}  // namespace millrace::config
