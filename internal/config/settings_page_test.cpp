#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "config/declaration.h"
#include "config/env_file.h"
#include "config/settings.h"

namespace millrace::config {
namespace {

using Catch::Matchers::Contains;

const Lookup kNothing = [](std::string_view) { return std::nullopt; };

TEST_CASE("declarations are complete and their defaults allowed") {
  std::set<std::string_view> names;
  for (const Declaration& declaration : declarations()) {
    CAPTURE(declaration.name);
    CHECK(names.insert(declaration.name).second);
    CHECK(declaration.services != 0);
    CHECK_FALSE(declaration.allowed.empty());
    CHECK(declaration.sentence.ends_with('.'));
    Settings settings;
    CHECK_FALSE(declaration.set(declaration.fallback, settings));
  }
}

TEST_CASE("help has what the service reads and nothing else") {
  const std::string gateway = help(Service::gateway);
  CHECK_THAT(gateway, Contains("  API_PORT (default: 8080)\n      Port of the gateway.\n"
                               "      Allowed: 1 to 65535.\n"));
  CHECK_THAT(gateway, Contains("INGEST_URL") && Contains("IO_THREADS (default: the cores)"));
  CHECK_THAT(gateway, !Contains("QUEUE_SIZE") && !Contains("INGEST_PORT"));
  CHECK_THAT(help(Service::ingest), Contains("INGEST_PORT") && !Contains("INGEST_URL"));
  CHECK_THAT(help(Service::processor), Contains("QUEUE_SIZE") && !Contains("INGEST_URL"));
}

TEST_CASE("the table has a row of five cells per setting") {
  std::istringstream table(markdown_table());
  std::size_t rows = 0;
  for (std::string line; std::getline(table, line); ++rows) {
    CAPTURE(line);
    CHECK(std::count(line.begin(), line.end(), '|') == 6);
  }
  CHECK(rows == declarations().size() + 2);
  CHECK_THAT(markdown_table(),
             Contains("| `QUEUE_SIZE` | `1000` | 1 to 10000000 | Capacity of the memory queue, in "
                      "messages. | processor |\n"));
  CHECK_THAT(markdown_table(), Contains("| `IO_THREADS` | the cores | 1 to 256 |") &&
                                   Contains("| api-gateway, ingest, grpc-server |") &&
                                   Contains("| all |"));
}

TEST_CASE("the effective values are lines that read back") {
  const Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "API_PORT") return "9000";
    if (name == "LOG_LEVEL") return "";
    return std::nullopt;
  };
  const std::string lines = effective(Service::gateway, lookup);
  CHECK_THAT(lines, Contains("API_PORT=9000\n") && Contains("LOG_LEVEL=info\n") &&
                        Contains("INGEST_URL=http://localhost:8081\n"));
  CHECK_THAT(lines, !Contains("QUEUE_SIZE"));
  const auto values = parse_env_file(lines, "effective").value();
  CHECK(values.at("API_PORT") == "9000");
  CHECK(load(Service::gateway,
             [&values](std::string_view name) -> std::optional<std::string> {
               const auto found = values.find(std::string(name));
               if (found == values.end()) return std::nullopt;
               return found->second;
             })
            .value()
            .api_port == 9000);
}

TEST_CASE("a secret is neither in the values nor in its error") {
  Declaration declaration;
  declaration.name = "TOKEN";
  declaration.fallback = "";
  declaration.allowed = "anything else";
  declaration.secret = true;
  declaration.set = [](std::string_view, Settings&) { return std::optional<std::string>("no"); };
  CHECK(declaration.shown("hunter2") == "***");
  CHECK(declaration.shown("").empty());
  Settings settings;
  const Lookup lookup = [](std::string_view) { return std::optional<std::string>("hunter2"); };
  CHECK(set_from(declaration, lookup, settings).text() == "TOKEN=***: no (allowed: anything else)");
  CHECK(set_from(declaration, kNothing, settings).text() == "TOKEN=: no (allowed: anything else)");
}

}  // namespace
}  // namespace millrace::config
