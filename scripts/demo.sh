#!/usr/bin/env bash
# Millrace in half a minute: starts the services on free ports in a folder of their own, posts some
# hundred messages through the gateway, shows latencies, status and results, drains, and proves that
# what was accepted was worked off. Exit 0 only then.   MESSAGES=500 CONNECTIONS=8 scripts/demo.sh
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/services.sh"

client=$root/scripts/demo_client.py
folder=$(mktemp -d -t millrace-demo.XXXXXX)
signals=0
on_exit() {
  local code=$?
  ((${#pids[@]} == 0)) || stop_services 20 || true
  rm -rf "$folder"
  exit "$code"
}
trap on_exit EXIT
trap 'signals=1; exit 130' INT TERM HUP

cd -- "$folder" # away from anyone's .env
read -r API_PORT INGEST_PORT PROCESSOR_PORT GRPC_PORT GRPC_METRICS_PORT < <("$client" free-ports 5)
export API_PORT INGEST_PORT PROCESSOR_PORT GRPC_PORT GRPC_METRICS_PORT BIND_ADDRESS=127.0.0.1
export INGEST_URL=http://127.0.0.1:$INGEST_PORT PROCESSOR_URL=http://127.0.0.1:$PROCESSOR_PORT
export QUEUE_TYPE=memory HANDLER=passthrough LOG_LEVEL=info
export SINK=file SINK_FILE=$folder/results.ndjson DEAD_LETTER_FILE=$folder/dead-letters.ndjson

title 'Starting processor, ingest, gRPC server and gateway'
read_addresses
check_ports
start_services "$folder"
await_ready 10 || exit 1
api=${urls[api-gateway]}

title "Posting ${MESSAGES:-500} messages over ${CONNECTIONS:-8} connections to $api/api/v1/ingest"
"$client" post "$api" --messages "${MESSAGES:-500}" --connections "${CONNECTIONS:-8}" \
  --ids "$folder/accepted"

title "Status ($api/api/v1/status)"
curl -fsS -m 5 "$api/api/v1/status" | python3 -m json.tool

title 'Draining: gateway, gRPC server, ingest, processor'
stop_services 20 || die 'demo: not everyone ended well'

title 'Results'
"$client" check --ids "$folder/accepted" --results "$SINK_FILE"
