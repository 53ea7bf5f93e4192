#!/usr/bin/env bash
# Runs gateway, gRPC server, ingest and processor until Ctrl-C or SIGTERM, then drains them in the order of the
# flow; a second signal aborts. Exit 0 when all of them ended well. Settings come from the
# environment and from .env, as always. Logs: run/logs/.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/switching.sh"

# Whether a variable is given by the environment or .env: given NAME.
given() {
  [[ -n ${!1:-} ]] || grep -qsE "^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=" .env
}

# A moved port is followed by the one who calls it, unless the address is given too.
follow_ports() {
  given INGEST_URL || export INGEST_URL="${urls[ingest]}"
  given PROCESSOR_URL || export PROCESSOR_URL="${urls[processor]}"
}

signals=0
on_signal() {
  signals=$((signals + 1))
  if ((signals > 1)); then
    say 'a second signal: aborting'
    signal_services TERM
  fi
}

# However this ends, nothing is left running.
on_exit() {
  local code=$?
  rm -f "$runner_file"
  ((${#pids[@]} == 0)) || stop_services "$patience" || true
  exit "$code"
}

stop() {
  say 'draining'
  stop_services "$patience" || die 'not stopped cleanly'
}

# restart QUEUE: those who publish and the processor, with that queue in .env.
restart() {
  stop_services "$patience" grpc-server ingest processor || true
  write_queue "$1"
  start_services "$root/run/logs" processor ingest grpc-server
  await_ready 15
}

# switch NEW: the gateway goes on, and answers 503 while ingest is away.
switch() {
  local new=$1 old
  [[ -z ${QUEUE_TYPE:-} ]] ||
    { say "QUEUE_TYPE=$QUEUE_TYPE in the environment of run-local wins over .env" && return 1; }
  old=$(queue_in_effect)
  [[ $old != "$new" ]] || { say "the queue is $new already" && return 0; }
  check_queue "$new" || return 1
  say "ingest and grpc-server stop accepting, and $old is worked off"
  stop_services "$patience" grpc-server ingest || true
  if ! await_drained; then
    start_services "$root/run/logs" ingest grpc-server
    await_ready 15
    return 1
  fi
  restart "$new" && say "switched from $old to $new" && return 0
  say "not ready with $new: back to $old" >&2
  restart "$old" || true
  return 1
}

# Answers `make switch-queue`, which may ask several times.
serve_switch() {
  local new code=0
  switch_asked=
  read -r new SWITCH_TIMEOUT 2>/dev/null <"$switch_request" || return 0
  rm -f "$switch_request"
  title "switching the queue to $new"
  switch "$new" >>"$switch_answer" 2>&1 || code=1
  cat "$switch_answer"
  say "exit $code" >>"$switch_answer"
}

running_runner >/dev/null && die "run-local runs already: process $(cat "$runner_file")"
read_addresses
check_ports || exit 1
follow_ports
patience=$(($(in_seconds "$(setting processor SHUTDOWN_TIMEOUT)") + 5))

trap on_signal INT TERM HUP
trap on_exit EXIT
switch_asked=
trap 'switch_asked=1' USR1
mkdir -p "$root/run"
printf '%s\n' $$ >"$runner_file"
title 'starting'
start_services "$root/run/logs"
await_ready 15 || exit 1

title 'Millrace runs'
cat <<TEXT

  curl -s ${urls[api-gateway]}/api/v1/ingest -H 'Content-Type: application/json' \\
       -d '{"source":"readme","data":"hello"}'
  curl -s ${urls[api-gateway]}/api/v1/status
  grpcurl -plaintext -d '{"source":"readme","data":"aGVsbG8="}' \\
       localhost:$(setting grpc-server GRPC_PORT) diplom.v1.IngestService/Ingest

Metrics are at /metrics of each, logs in run/logs/. Ctrl-C stops.
TEXT

# Until a signal, or until one of them ends.
ended=
while ((signals == 0)) && [[ -z ${ended:-} ]]; do
  [[ -z $switch_asked ]] || serve_switch
  { wait -n -p ended "${pids[@]}"; } 2>/dev/null && code=0 || code=$?
done

if ((signals)); then
  stop
  say 'stopped cleanly'
  exit 0
fi

for service in "${flow[@]}"; do
  if [[ ${pids[$service]} == "$ended" ]]; then
    unset "pids[$service]"
    say "$service ended with code $code; stopping the others" >&2
    show_last_lines "$service"
    break
  fi
done
stop
exit 1
