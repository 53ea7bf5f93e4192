#include "config/health.h"

#include "config/kinds.h"

namespace millrace::config {
namespace {

constexpr Services kProcessor = only(Service::processor);
constexpr Services kAll =
    kProcessor | only(Service::gateway) | only(Service::ingest) | only(Service::grpc);

Declaration percent(std::string_view name, Services services, std::string fallback,
                    std::uint64_t Settings::*field, std::string_view sentence) {
  return number(name, services, std::move(fallback), {0, 100}, field, sentence);
}

Declaration messages(std::string_view name, std::string fallback, std::uint64_t Settings::*field,
                     std::string_view sentence) {
  return number(name, kProcessor, std::move(fallback), {0, 1ULL << 40}, field, sentence);
}

Status check_order(const std::string& name, std::uint64_t warning, std::uint64_t unhealthy) {
  if (unhealthy == 0 || warning <= unhealthy) return {};
  const std::string worst = name + "_UNHEALTHY=" + std::to_string(unhealthy);
  return {Code::invalid, name + "_WARNING=" + std::to_string(warning) + ": above " + worst +
                             " (allowed: 0 to " + std::to_string(unhealthy) + ")"};
}

}  // namespace

std::vector<Declaration> health_declarations() {
  using S = Settings;
  return {
      percent("HEALTH_QUEUE_WARNING", kProcessor, "80", &S::health_queue_warning,
              "Percent of the queue's capacity (with NATS of its bytes, too) from which health "
              "warns; 0 for never. Full is unhealthy."),
      messages("HEALTH_LAG_WARNING", "100000", &S::health_lag_warning,
               "Messages waiting in a broker (on NATS a frame counts as one) from which health "
               "warns; 0 for never."),
      messages("HEALTH_LAG_UNHEALTHY", "0", &S::health_lag_unhealthy,
               "The same, from which the processor is unhealthy; 0 for never."),
      percent("HEALTH_MEMORY_WARNING", kAll, "85", &S::health_memory_warning,
              "Percent of the memory limit (the control group's, or the machine's memory) from "
              "which health warns; 0 for never."),
      percent("HEALTH_MEMORY_UNHEALTHY", kAll, "95", &S::health_memory_unhealthy,
              "The same, from which the service is unhealthy; 0 for never."),
      percent(
          "HEALTH_DISK_WARNING", kProcessor, "85", &S::health_disk_warning,
          "Percent used of the disk with SINK_FILE or DEAD_LETTER_FILE from which health warns; "
          "0 for never."),
      percent("HEALTH_DISK_UNHEALTHY", kProcessor, "95", &S::health_disk_unhealthy,
              "The same, from which the processor is unhealthy; 0 for never."),
  };
}

Status check_health(const Settings& settings) {
  for (const Status& status : {
           check_order("HEALTH_LAG", settings.health_lag_warning, settings.health_lag_unhealthy),
           check_order("HEALTH_MEMORY", settings.health_memory_warning,
                       settings.health_memory_unhealthy),
           check_order("HEALTH_DISK", settings.health_disk_warning, settings.health_disk_unhealthy),
       }) {
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace millrace::config
