#include "edge/health/health_checks.h"

#include <limits>

namespace millrace::edge {
namespace {

double number_of(const Component& component) { return static_cast<double>(component.health); }

}  // namespace

void HealthChecks::look(UniqueFunction<void(std::vector<Component>)> done) const {
  // Before anybody is asked: who answers late may find the service gone.
  std::vector<Component> components;
  for (const KnownComponent& one : known) components.push_back(one.look());
  if (!asked) return done(std::move(components));
  asked->ask(
      [components = std::move(components), done = std::move(done)](Component answer) mutable {
        components.insert(components.begin(), std::move(answer));
        done(std::move(components));
      });
}

void register_health_metrics(observe::Registry& registry, const HealthChecks& checks) {
  const auto gauge = [&registry](const std::string& component, std::function<double()> read) {
    registry.gauge("millrace_health_status",
                   "How a component is: 0 healthy, 1 warning, 2 unhealthy.", std::move(read),
                   {{"component", component}});
  };
  for (const KnownComponent& one : checks.known) {
    gauge(one.name, [look = one.look] { return number_of(look()); });
  }
  if (!checks.asked) return;
  gauge(checks.asked->name, [latest = checks.asked->latest] {
    const auto component = latest();
    return component ? number_of(*component) : std::numeric_limits<double>::quiet_NaN();
  });
}

}  // namespace millrace::edge
