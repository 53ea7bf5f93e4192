#!/usr/bin/env bash
# Asks a service that runs in containers over HTTP, each instance, from this machine (on Linux the host
# reaches their addresses inside):   scripts/ask.sh SERVICE PATH [CURL_OPTION]...
#
#   scripts/ask.sh processor '/dlq?limit=10'
#   scripts/ask.sh processor /dlq/replay -X POST
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/services.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

service=${1:?usage: scripts/ask.sh SERVICE PATH [CURL_OPTION]...}
path=${2:?usage: scripts/ask.sh SERVICE PATH [CURL_OPTION]...}
shift 2
need_engine
[[ " ${services[*]} " == *" $service "* ]] || die "ask: no service '$service': there are ${services[*]}"
mapfile -t ids < <(running "$service")
((${#ids[@]} > 0)) || die "ask: no $service runs in containers"
for id in "${ids[@]}"; do
  ((${#ids[@]} == 1)) || title "$(name_of "$id")"
  curl -sS -m 10 "$@" "http://$(address_of "$id"):$(setting_of "$id" "$(port_variable "$service")")$path"
  printf '\n'
done
