// How much memory the process has, and how much it may have.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace millrace::observe {

// Nothing when it can't be read: no descriptor is left, for instance. Thread-safe, as the next.
std::optional<std::uint64_t> resident_bytes();

// The limit of the process's control group, version 1 or 2: the smallest on the way from the group
// up to the root, for each of them binds. Without one, or when the machine has less, the machine's
// memory.
// Read anew each time, for a container's limit may be changed. `root` is where /proc and /sys are.
std::optional<std::uint64_t> memory_limit_bytes(const std::filesystem::path& root = "/");

}  // namespace millrace::observe
