// Which components a service has, and how each is looked at.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_function.h"
#include "edge/health/component.h"
#include "observe/metrics.h"

namespace millrace::edge {

// What is known here. `look` is thread-safe and doesn't block.
struct KnownComponent {
  std::string name;
  std::function<Component()> look;
};

// What only others know.
struct AskedComponent {
  std::string name;
  // Asks them now; on a reactor's thread, where `done` is called within a second
  // or so. `done` may outlive this.
  std::function<void(UniqueFunction<void(Component)> done)> ask;
  // What they said last; nothing when nobody has asked them yet. As `look` above.
  std::function<std::optional<Component>()> latest;
};

struct HealthChecks {
  std::optional<AskedComponent> asked;  // first in the answer
  std::vector<KnownComponent> known;

  // All of them, now. On a reactor's thread, where `done` is called too.
  void look(UniqueFunction<void(std::vector<Component>)> done) const;
};

// millrace_health_status for each component; NaN as long as nobody has asked those who know.
// `checks`, which is whole by now, outlives the registry's use.
void register_health_metrics(observe::Registry& registry, const HealthChecks& checks);

}  // namespace millrace::edge
