#include "observe/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <unistd.h>

#include "base/parse_number.h"

namespace millrace::observe {
namespace {

namespace fs = std::filesystem;

struct Group {
  fs::path mount;   // of the hierarchy that bounds memory
  fs::path folder;  // the process's in it, relative
  const char* file;
};

// A line of /proc/self/cgroup is "number:controllers:path". A machine with both versions bounds
// memory in the one that lists it; the second version lists nothing.
std::optional<Group> own_group(const fs::path& root) {
  std::ifstream file(root / "proc/self/cgroup");
  std::optional<Group> unified;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const fs::path folder = fs::path(line.substr(second + 1)).relative_path();
    if (controllers.find(",memory,") != controllers.npos) {
      return Group{root / "sys/fs/cgroup/memory", folder, "memory.limit_in_bytes"};
    }
    if (controllers == ",,") unified = Group{root / "sys/fs/cgroup", folder, "memory.max"};
  }
  return unified;
}

// Nothing for "max", and for a file that isn't there: the root has none.
std::optional<std::uint64_t> limit_in(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  if (!(file >> word)) return std::nullopt;
  return parse_number<std::uint64_t>(word);
}

std::optional<std::uint64_t> machine_bytes(const fs::path& root) {
  std::ifstream file(root / "proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  while (file >> name >> kib) {
    if (name == "MemTotal:") return kib * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) return std::nullopt;
  return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::optional<std::uint64_t> memory_limit_bytes(const fs::path& root) {
  const auto machine = machine_bytes(root);
  const auto group = own_group(root);
  if (!group) return machine;
  // The first version says "no limit" by a number beyond all memory, so the machine's counts too.
  std::optional<std::uint64_t> smallest = machine;
  // In a container the group's folder may be named as the host sees it, and then isn't there: the
  // mount itself is the container's.
  for (fs::path folder = group->folder;; folder = folder.parent_path()) {
    const auto limit = limit_in(group->mount / folder / group->file);
    if (limit && (!smallest || *limit < *smallest)) smallest = limit;
    if (folder.empty()) return smallest;
  }
}

}  // namespace millrace::observe
