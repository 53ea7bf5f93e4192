#!/usr/bin/env bash
# Shows how each service is: its state, how long its answer took, where it was asked, and why it
# isn't healthy. Exit 1 when one is unhealthy or doesn't answer; a warning is only shown.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/services.sh"
source "$root/scripts/health_table.sh"

read_addresses
for service in "${flow[@]}"; do
  health_line "$service" "${urls[$service]}" "$("$root/bin/$service" --healthcheck || true)"
done | health_table
