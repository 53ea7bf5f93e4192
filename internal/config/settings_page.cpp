#include <array>

#include "config/declaration.h"
#include "config/settings.h"

namespace millrace::config {
namespace {

struct ServiceName {
  Service service;
  std::string_view name;
};
constexpr std::array<ServiceName, 4> kServiceNames = {{{Service::gateway, "api-gateway"},
                                                       {Service::ingest, "ingest"},
                                                       {Service::processor, "processor"},
                                                       {Service::grpc, "grpc-server"}}};

const std::string& fallback_of(const Declaration& declaration) {
  return declaration.fallback_words.empty() ? declaration.fallback : declaration.fallback_words;
}

std::string readers_of(const Declaration& declaration) {
  std::string names;
  std::size_t count = 0;
  for (const ServiceName& entry : kServiceNames) {
    if (!declaration.read_by(entry.service)) continue;
    names.append(names.empty() ? "" : ", ").append(entry.name);
    ++count;
  }
  return count == kServiceNames.size() ? "all" : names;
}

}  // namespace

std::string help(Service service) {
  std::string page = "Settings, from the environment or a .env file in the working directory:\n\n";
  for (const Declaration& declaration : declarations()) {
    if (!declaration.read_by(service)) continue;
    page.append("  ").append(declaration.name);
    page.append(" (default: ").append(fallback_of(declaration)).append(")\n");
    page.append("      ").append(declaration.sentence).append("\n");
    page.append("      Allowed: ").append(declaration.allowed).append(".\n");
  }
  return page;
}

std::string markdown_table() {
  std::string table =
      "| variable | default | allowed | meaning | read by |\n"
      "| --- | --- | --- | --- | --- |\n";
  for (const Declaration& declaration : declarations()) {
    const bool words = !declaration.fallback_words.empty();
    table.append("| `").append(declaration.name).append("` | ");
    table.append(words ? "" : "`").append(fallback_of(declaration)).append(words ? "" : "`");
    table.append(" | ").append(declaration.allowed);
    table.append(" | ").append(declaration.sentence);
    table.append(" | ").append(readers_of(declaration)).append(" |\n");
  }
  return table;
}

std::string effective(Service service, const Lookup& lookup) {
  std::string lines;
  for (const Declaration& declaration : declarations()) {
    if (!declaration.read_by(service)) continue;
    lines.append(declaration.name).append("=");
    lines.append(declaration.shown(value_of(declaration, lookup))).append("\n");
  }
  return lines;
}

}  // namespace millrace::config
