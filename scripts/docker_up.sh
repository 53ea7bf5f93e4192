#!/usr/bin/env bash
# Starts Millrace in containers, with the broker that QUEUE_TYPE needs, and waits until all of it is
# well. When that fails, what it started is taken away again.
#
#   scripts/docker_up.sh [SERVICE=INSTANCES]...      scripts/docker_up.sh processor=3 ingest=2
#
# PROFILES=monitoring adds profiles, WAIT_TIMEOUT=180 (s) is how long it waits.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

need_engine
need_disk
queue=$(queue_in_effect)
mapfile -t profiles < <(profiles_for "$queue")
ports=(API_PORT GRPC_PORT)
for profile in ${PROFILES:-}; do
  profiles+=(--profile "$profile")
  [[ $profile != monitoring ]] || ports+=(PROMETHEUS_PORT GRAFANA_PORT)
done
scale=()
for pair in "$@"; do
  [[ $pair =~ ^(processor|ingest|api-gateway|grpc-server)=[1-9][0-9]*$ ]] ||
    die "docker-up: '$pair' is no SERVICE=INSTANCES, such as processor=3"
  scale+=(--scale "$pair")
done

# shellcheck disable=SC2119
before=$(existing)
if [[ -z $(running edge) ]]; then
  need_ports "${ports[@]}"
elif [[ " ${ports[*]} " == *PROMETHEUS_PORT* && -z $(running prometheus) ]]; then
  need_ports PROMETHEUS_PORT GRAFANA_PORT
fi
for service in "${services[@]}"; do
  docker image inspect "millrace/$service:${MILLRACE_TAG:-local}" >/dev/null 2>&1 ||
    { scripts/docker_build.sh && break; }
done

title "starting with the queue in $queue"
if ! compose "${profiles[@]}" up --detach --no-build --wait --wait-timeout "${WAIT_TIMEOUT:-180}" \
  "${scale[@]}"; then
  say_who_is_unwell
  if [[ -z $before ]]; then
    compose_all down --timeout 40 >/dev/null 2>&1 || true
    die 'docker-up: not all of it came up (above); what was started is taken away again'
  fi
  die 'docker-up: not all of it is well (above); what ran before was left running'
fi

while read -r name port; do declare "$name=$port"; done < <(published_ports)
title 'Millrace runs in containers'
cat <<TEXT

  curl -s localhost:$API_PORT/api/v1/ingest -H 'Content-Type: application/json' \\
       -d '{"source":"readme","data":"hello"}'
  curl -s localhost:$API_PORT/api/v1/status
  grpcurl -plaintext -d '{"source":"readme","data":"aGVsbG8="}' \\
       localhost:$GRPC_PORT diplom.v1.IngestService/Ingest

TEXT
[[ " ${profiles[*]} " != *monitoring* ]] ||
  say "Grafana: http://localhost:$GRAFANA_PORT   Prometheus: http://localhost:$PROMETHEUS_PORT"
say 'make health-check, make docker-logs, make deploy, make docker-down'
