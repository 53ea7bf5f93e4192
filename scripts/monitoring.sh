#!/usr/bin/env bash
# Prometheus, Alertmanager and Grafana beside the containers that run:   scripts/monitoring.sh up|down
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

readonly parts=(prometheus alertmanager grafana)
need_engine
case ${1:-} in
  up)
    need_disk "$disk_at_least_mb"
    [[ -n $(running prometheus) ]] || need_ports PROMETHEUS_PORT
    [[ -n $(running grafana) ]] || need_ports GRAFANA_PORT
    # shellcheck disable=SC2119
    before=$(existing)
    if ! compose --profile monitoring up --detach --no-deps --wait --wait-timeout 120 "${parts[@]}"; then
      say_who_is_unwell
      mapfile -t made < <(those_but "$before")
      drain_away "${made[@]}" || true
      die 'monitoring: not all of it came up (above); what was started is taken away again'
    fi
    while read -r name port; do declare "$name=$port"; done < <(published_ports)
    say "Grafana: http://localhost:$GRAFANA_PORT   Prometheus: http://localhost:$PROMETHEUS_PORT"
    ;;
  down) compose --profile monitoring rm --stop --force "${parts[@]}" ;;
  *) die 'usage: scripts/monitoring.sh up|down' ;;
esac
