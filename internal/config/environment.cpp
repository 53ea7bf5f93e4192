#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

#include "config/env_file.h"
#include "config/settings.h"

namespace millrace::config {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

Status unreadable(const std::string& path, const std::string& why) {
  return {Code::invalid, path + ": can't be read: " + why};
}

// Empty when there is no such file.
Result<std::string> read_file(const std::string& path) {
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) return std::string();
  if (type == std::filesystem::file_type::directory) return unreadable(path, "it is a directory");
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(path, std::generic_category().message(errno));
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return unreadable(path, std::generic_category().message(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytesMax) return unreadable(path, "it is larger than 1 MiB");
  return text;
}

}  // namespace

Result<Lookup> environment_over_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  auto parsed = parse_env_file(*text, path);
  if (!parsed) return parsed.error();
  // Shared: a Lookup is copied freely.
  const auto file = std::make_shared<const std::map<std::string, std::string>>(*std::move(parsed));
  return Lookup([file](std::string_view name) -> std::optional<std::string> {
    const std::string key(name);
    const char* const value = std::getenv(key.c_str());
    if (value != nullptr && *value != '\0') return value;
    const auto found = file->find(key);
    if (found == file->end()) return std::nullopt;
    return found->second;
  });
}

}  // namespace millrace::config
