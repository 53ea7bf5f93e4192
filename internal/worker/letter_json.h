// A dead letter as a line of JSON, written and read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "queue/dead_letters.h"

namespace millrace::worker {

// Appends the line, with its newline; the form is in file_dead_letters.h.
void append_letter_line(std::string& out, const queue::DeadLetter& letter, std::int64_t now_ms);
// Appends the line that takes the letters with these keys off the list.
void append_replayed_line(std::string& out, std::span<const std::string> keys, std::int64_t now_ms);

// Nothing when the line, without its newline, isn't a dead letter. The key is left empty.
std::optional<queue::KeptLetter> parse_letter_line(std::string_view line);
// Nothing when it doesn't take any off the list.
std::optional<std::vector<std::string>> parse_replayed_line(std::string_view line);

}  // namespace millrace::worker
