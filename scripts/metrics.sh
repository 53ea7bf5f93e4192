#!/usr/bin/env bash
# What each service that runs counts, the lines that say most, from its /metrics:
#
#   scripts/metrics.sh [REGEX]     all samples whose name matches instead
#
# Of containers if they run, asked at their addresses inside (on Linux the host reaches them);
# otherwise of `make run-local`.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/services.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

readonly telling='^(millrace_(ingest_(received|sent|failed)|pool_(processed|errors|retries|dead_letters))_total|millrace_queue_(depth|capacity)_messages|millrace_http_connections_open|millrace_health_status|process_(resident_memory_bytes|cpu_seconds_total))'
pattern=${1:-$telling}

# show NAME URL
show() {
  local page
  title "$1  $2"
  page=$(curl -fsS -m 3 "$2/metrics" 2>&1) || { say "  no answer: $page" && return 1; }
  grep -v '^#' <<<"$page" | grep -E -- "$pattern" | sed 's/^/  /' || say '  nothing of that name'
}

# port_of SERVICE ID
port_of() {
  docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$2" | sed -n "s/^$(port_variable "$1")=//p"
}
# Of those that share the edge's address, its own.
address_of() {
  local id=$1 mode
  mode=$(docker inspect --format '{{.HostConfig.NetworkMode}}' "$id")
  [[ $mode != container:* ]] || id=${mode#container:}
  docker inspect --format '{{range $name, $net := .NetworkSettings.Networks}}{{println $net.IPAddress}}{{end}}' "$id" | grep . | head -n 1
}

bad=0
if command -v docker >/dev/null && [[ -n $(running edge) ]]; then
  for service in "${services[@]}"; do
    for id in $(running "$service"); do
      show "$(name_of "$id")" "http://$(address_of "$id"):$(port_of "$service" "$id")" || bad=1
    done
  done
else
  read_addresses
  for service in "${flow[@]}"; do show "$service" "${urls[$service]}" || bad=1; done
fi
exit "$bad"
