#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv and unsetenv are POSIX's

#include "config/settings.h"

namespace millrace::config {
namespace {

using Catch::Matchers::Contains;

// A folder of its own, removed in the end.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "millrace-config-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path() const { return path_; }
  [[nodiscard]] std::string env_file(std::string_view text) const {
    std::ofstream(path_ / ".env", std::ios::binary) << text;
    return path_ / ".env";
  }

 private:
  std::filesystem::path path_;
};

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST_CASE("the environment wins over the file, unless it is empty") {
  const Folder folder;
  const std::string path =
      folder.env_file("MILLRACE_T_A=file\nMILLRACE_T_B=file\nMILLRACE_T_C=file\n");
  const Variable a("MILLRACE_T_A", "environment");
  const Variable c("MILLRACE_T_C", "");
  const Lookup lookup = environment_over_file(path).value();
  CHECK(lookup("MILLRACE_T_A") == "environment");
  CHECK(lookup("MILLRACE_T_B") == "file");
  CHECK(lookup("MILLRACE_T_C") == "file");
  CHECK(lookup("MILLRACE_T_D") == std::nullopt);
}

TEST_CASE("without a file the environment is all there is") {
  const Folder folder;
  const Variable a("MILLRACE_T_A", "environment");
  const Lookup lookup = environment_over_file(folder.path() + "/missing").value();
  CHECK(lookup("MILLRACE_T_A") == "environment");
  CHECK(lookup("MILLRACE_T_B") == std::nullopt);
}

TEST_CASE("a file that can't be read as settings is an error that names it") {
  const Folder folder;
  const auto error_of = [](const std::string& path) {
    const auto result = environment_over_file(path);
    return result ? "accepted" : result.error().text();
  };
  const std::string path = folder.env_file("A=1\nnonsense\n");
  CHECK_THAT(error_of(path), Catch::StartsWith(path + ":2: "));
  CHECK(error_of(folder.path()) == folder.path() + ": can't be read: it is a directory");
  CHECK_THAT(error_of(folder.env_file("A=" + std::string(1 << 20, 'x'))), Contains("1 MiB"));
}

}  // namespace
}  // namespace millrace::config
