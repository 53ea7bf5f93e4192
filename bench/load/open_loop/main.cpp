#include <cstdio>
#include <random>

#include "address.h"
#include "generator.h"
#include "options.h"
#include "report.h"

namespace {

constexpr int kNotHeld = 1;
constexpr int kBadOption = 2;
constexpr int kNobodyThere = 3;

using millrace::Status;

int fail(const std::string& text, int code) {
  std::fprintf(stderr, "open_loop: %s\n", text.c_str());
  return code;
}

int run(const millrace::load::Options& options) {
  const auto address = millrace::load::reach(options.server, options.timeout);
  if (!address) {
    return fail(address.error().text() + "; is the server running? ('make run-local')",
                kNobodyThere);
  }
  millrace::load::Generator generator(options, *address, std::random_device{}());
  if (const Status status = generator.connect_all(); !status.ok()) {
    return fail(status.text(), kNobodyThere);
  }
  const millrace::load::Outcome outcome = generator.run();
  std::fputs(options.json ? as_json(options, outcome).c_str() : as_table(options, outcome).c_str(),
             stdout);
  std::fflush(stdout);
  const std::string wrong = complaint(options, outcome);
  return wrong.empty() ? 0 : fail(wrong, kNotHeld);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = millrace::load::parse_options({argv + 1, argv + argc});
  if (!options) return fail(options.error().text(), kBadOption);
  if (!options->help) return run(*options);
  std::fputs(millrace::load::help_text().data(), stdout);
  return 0;
}
