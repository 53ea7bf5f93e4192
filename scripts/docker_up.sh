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
need_disk "$disk_at_least_mb"
queue=$(queue_in_effect)
mapfile -t profiles < <(profiles_for "$queue")
ports=(API_PORT GRPC_PORT)
for profile in ${PROFILES:-}; do
  profiles+=(--profile "$profile")
  [[ $profile != monitoring ]] || ports+=(PROMETHEUS_PORT GRAFANA_PORT)
done
scale=()
for pair in "$@"; do
  # Gateway and gRPC server share an address: more of them would be no more to Prometheus.
  [[ $pair =~ ^(processor|ingest)=[1-9][0-9]*$ ]] ||
    die "docker-up: '$pair' isn't processor=INSTANCES or ingest=INSTANCES"
  scale+=(--scale "$pair")
done
if [[ -z $(running edge) ]]; then
  need_ports "${ports[@]}"
elif [[ " ${ports[*]} " == *PROMETHEUS_PORT* && -z $(running prometheus) ]]; then
  need_ports PROMETHEUS_PORT GRAFANA_PORT
fi
for service in "${services[@]}"; do
  if ! docker image inspect "millrace/$service:${MILLRACE_TAG:-local}" >/dev/null 2>&1; then
    scripts/docker_build.sh || exit 1
    break
  fi
done

# After `edge` was restarted by itself, those who share its address are still where it was before, and
# reached by nobody: they are made anew.
while read -r name port; do declare "$name=$port"; done < <(published_ports)
if [[ -n $(running edge) ]] && ! curl -fs -o /dev/null -m 3 "http://localhost:$API_PORT/livez"; then
  mapfile -t lost < <(existing api-gateway && existing grpc-server)
  drain_away "${lost[@]}"
fi

# Whatever ends this before it is done, what it made goes again.
# shellcheck disable=SC2119
before=$(existing)
done='' working=''
take_back() {
  local made
  [[ -z $done ]] || return 0
  [[ -z $working ]] || { kill "$working" && wait "$working"; } 2>/dev/null || true
  mapfile -t made < <(those_but "$before")
  drain_away "${made[@]}" || true
  [[ -n $before ]] || compose_all down >/dev/null 2>&1 || true
}
trap take_back EXIT
trap 'exit 130' INT TERM HUP

# In the background, where a signal is heard meanwhile.
up() {
  local code=0
  compose "${profiles[@]}" up --detach --no-build --wait --wait-timeout "${WAIT_TIMEOUT:-180}" "$@" &
  working=$!
  wait "$working" || code=$?
  working=''
  return "$code"
}

title "starting with the queue in $queue"
if ! up "${scale[@]}"; then
  say_who_is_unwell
  die 'docker-up: not all of it came up (above); what was started is taken away again'
fi
done=1

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
