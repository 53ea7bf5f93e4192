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

# The engine's proxy takes connections whether or not anybody is behind it: what counts is that
# somebody says something. An HTTP/2 server begins by itself.
speaks() {
  # shellcheck disable=SC2016  # the inner shell expands it
  case $1 in
    API_PORT) curl -fs -o /dev/null -m 3 "http://localhost:$2/livez" ;;
    GRPC_PORT) [[ -n $(timeout 3 bash -c 'exec 3<>"/dev/tcp/localhost/$0" && head -c 9 <&3 | base64' "$2" 2>/dev/null) ]] ;;
  esac
}

# From outside, where clients come in: whatever runs inside, this is what they meet.
edge_line() {
  local name port
  while read -r name port; do
    [[ $name != API_PORT && $name != GRPC_PORT ]] || speaks "$name" "$port" ||
      { printf 'edge no-answer - localhost:%s nobody listens: make docker-up mends it\n' "$port" && return; }
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
