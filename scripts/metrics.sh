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

bad=0
if command -v docker >/dev/null && [[ -n $(running edge) ]]; then
  for service in "${services[@]}"; do
    for id in $(running "$service"); do
      show "$(name_of "$id")" "http://$(address_of "$id"):$(setting_of "$id" "$(port_variable "$service")")" || bad=1
    done
  done
else
  read_addresses
  for service in "${flow[@]}"; do show "$service" "${urls[$service]}" || bad=1; done
fi
exit "$bad"
