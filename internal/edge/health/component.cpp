#include "edge/health/component.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace millrace::edge {
namespace {

using Json = nlohmann::ordered_json;

Json body_of(const std::string& service, Health health) {
  return {{"healthy", health != Health::unhealthy},
          {"status", health_name(health)},
          {"service", service},
          {"components", Json::array()}};
}

Json to_json(const Component& component) {
  Json json = {{"name", component.name}, {"status", health_name(component.health)}};
  if (!component.reason.empty()) json["reason"] = component.reason;
  for (const auto& [name, number] : component.numbers) json[name] = number;
  return json;
}

// Reasons may hold what a broker or the system said, in whatever encoding.
std::string dump(const Json& body) {
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string_view health_name(Health health) {
  static constexpr std::array<std::string_view, 3> kNames = {"healthy", "warning", "unhealthy"};
  return kNames.at(static_cast<std::size_t>(health));
}

Health worst_of(const std::vector<Component>& components) {
  Health worst = Health::healthy;
  for (const Component& component : components) worst = std::max(worst, component.health);
  return worst;
}

std::string worst_reasons(const std::vector<Component>& components) {
  const Health worst = worst_of(components);
  std::string reasons;
  for (const Component& component : components) {
    if (component.health != worst || component.reason.empty()) continue;
    reasons.append(reasons.empty() ? "" : "; ").append(component.name);
    reasons.append(": ").append(component.reason);
  }
  return reasons;
}

std::string health_json(const std::string& service, const std::vector<Component>& components) {
  const Health worst = worst_of(components);
  Json body = body_of(service, worst);
  for (const Component& component : components) body["components"].push_back(to_json(component));
  if (worst == Health::unhealthy) body["error"] = worst_reasons(components);
  return dump(body);
}

std::string not_at_work_json(const std::string& service, const std::string& why) {
  Json body = body_of(service, Health::unhealthy);
  body["error"] = why;
  return dump(body);
}

}  // namespace millrace::edge
