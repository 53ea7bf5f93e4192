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

# From outside, where clients come in: whatever runs inside, this is what they meet.
edge_line() {
  local name port
  while read -r name port; do
    case $name in
      API_PORT | GRPC_PORT)
        (exec 3<>"/dev/tcp/localhost/$port") 2>/dev/null ||
          { printf 'edge no-answer - localhost:%s nobody listens: make docker-up\n' "$port" && return; }
        ;;
    esac
  done < <(published_ports)
  printf 'edge healthy - published\n'
}

lines_of_containers() {
  local id name service
  edge_line
  for id in $1; do
    service=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$id")
    # A load that was run once and ended well isn't missed.
    [[ $service != edge && $service != load ]] || continue
    container_line "$id" "$(name_of "$id")" "$service"
  done | sort
  for service in "${services[@]}"; do
    [[ -n $(existing "$service") ]] || printf "%s no-answer - container isn't there\n" "$service"
  done
}

if command -v docker >/dev/null; then
  if engine_answers; then
    # shellcheck disable=SC2119
    containers=$(existing)
    if [[ -n $containers ]]; then
      lines_of_containers "$containers" | health_table
      exit
    fi
  else
    say 'no Docker engine answers: these are the services of this machine' >&2
  fi
fi

read_addresses
for service in "${flow[@]}"; do
  health_line "$service" "${urls[$service]}" "$("$root/bin/$service" --healthcheck || true)" "$service"
done | health_table
