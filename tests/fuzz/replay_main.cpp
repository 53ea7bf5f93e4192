// Runs a fuzz target once over every file of the folders it is given: `-options` of libFuzzer are
// ignored, no file at all is a failure.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "require.h"

int main(int argc, char** argv) {
  int replayed = 0;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') continue;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string input{std::istreambuf_iterator<char>(file), {}};
      std::fprintf(stderr, "%s\n", entry.path().c_str());
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
      ++replayed;
    }
  }
  std::fprintf(stderr, "%d seeds\n", replayed);
  return replayed > 0 ? 0 : 1;
}
