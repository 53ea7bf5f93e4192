#!/usr/bin/env bash
# Shows how each service is: its state, how long its answer took, where it was asked, and why it
# isn't healthy. Exit 1 when one is unhealthy or doesn't answer; a warning is only shown.
# Those in containers if there are any, brokers and monitoring too; otherwise those of run-local.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/services.sh"
source "$root/scripts/containers.sh"
source "$root/scripts/health_table.sh"

# Asked now, inside; what runs without a check of its own, or doesn't run, says its state.
container_line() {
  local id=$1 name=$2 service=$3 state
  if [[ " ${services[*]} " == *" $service "* && $(state_of "$id") =~ ^(healthy|unhealthy|starting)$ ]]; then
    health_line "$name" container "$(docker exec "$id" "/$service" --healthcheck 2>&1 || true)" "$service"
    return
  fi
  state=$(state_of "$id")
  case $state in
    healthy | running) printf '%s healthy - container\n' "$name" ;;
    *) printf '%s no-answer - container %s: %s\n' "$name" "$state" "$(reason_of "$id")" ;;
  esac
}

lines_of_containers() {
  local id name service
  for id in $1; do
    name=$(name_of "$id")
    service=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$id")
    container_line "$id" "$name" "$service"
  done | sort
}

# shellcheck disable=SC2119
if command -v docker >/dev/null && containers=$(existing) && [[ -n $containers ]]; then
  lines_of_containers "$containers" | health_table
  exit
fi

read_addresses
for service in "${flow[@]}"; do
  health_line "$service" "${urls[$service]}" "$("$root/bin/$service" --healthcheck || true)" "$service"
done | health_table
