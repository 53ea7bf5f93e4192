// What a service says of its health: of each of its components how it is, and why.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::edge {

// In the order of gravity; the numbers are those of millrace_health_status.
//   healthy    all is as it should be
//   warning    the work is done, but somebody should look
//   unhealthy  the work can't be done, or won't be for long
enum class Health : std::uint8_t { healthy = 0, warning = 1, unhealthy = 2 };

// "healthy", "warning", "unhealthy": stable, for answers and metrics.
std::string_view health_name(Health health);

struct Component {
  std::string name;  // from a closed set: queue, queue_depth, lag, memory, disk, upstreams, workers
  Health health = Health::healthy;
  std::string reason = {};                                          // empty when healthy
  std::vector<std::pair<std::string, std::uint64_t>> numbers = {};  // units last in the names
};

Health worst_of(const std::vector<Component>& components);

// "queue: why; disk: why": of those that are as bad as the worst.
std::string worst_reasons(const std::vector<Component>& components);

// The body of an answer: {"healthy":…,"status":…,"service":…,"components":[…]}, with "error" when
// it is unhealthy.
std::string health_json(const std::string& service, const std::vector<Component>& components);

// The same for a service that isn't at work, which has nothing to say of its components.
std::string not_at_work_json(const std::string& service, const std::string& why);

}  // namespace millrace::edge
