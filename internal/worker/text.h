// Texts that handlers give us, made fit to be kept.
#pragma once

#include <string>
#include <string_view>

namespace millrace::worker {

inline constexpr std::size_t kReasonBytesMax = 1024;

// `text` as valid UTF-8 of at most kReasonBytesMax bytes: a longer one is cut and ends in "...",
// and in one that isn't UTF-8 every byte outside ASCII becomes '?'.
std::string bounded_text(std::string_view text);

}  // namespace millrace::worker
