#!/usr/bin/env bash
# Prometheus, Alertmanager and Grafana beside the containers that run:   scripts/monitoring.sh up|down
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

readonly parts=(prometheus alertmanager grafana)
need_engine
case ${1:-} in
  up)
    [[ -n $(running prometheus) ]] || need_ports PROMETHEUS_PORT GRAFANA_PORT
    if ! compose --profile monitoring up --detach --no-deps --wait --wait-timeout 120 "${parts[@]}"; then
      say_who_is_unwell
      compose --profile monitoring rm --stop --force "${parts[@]}" >/dev/null 2>&1 || true
      die 'monitoring: not all of it came up (above); it is taken away again'
    fi
    while read -r name port; do declare "$name=$port"; done < <(published_ports)
    say "Grafana: http://localhost:$GRAFANA_PORT   Prometheus: http://localhost:$PROMETHEUS_PORT"
    ;;
  down) compose --profile monitoring rm --stop --force "${parts[@]}" ;;
  *) die 'usage: scripts/monitoring.sh up|down' ;;
esac
