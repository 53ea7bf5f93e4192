#!/usr/bin/env bash
# Changes the queue in .env, without leaving an accepted message behind in the old one: ingest stops
# accepting, the processor works the old queue off, and both start again on the new one. Does it
# with the services of `make run-local` when they run; otherwise it starts a processor for that.
#   scripts/switch_queue.sh memory|nats|kafka|composite
# What isn't worked off after SWITCH_TIMEOUT seconds (60) is counted, and nothing is changed.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/switching.sh"

queue=${1:-}
case $queue in
  memory | nats | kafka | composite) ;;
  '') die 'switch-queue: which one? make switch-queue QUEUE=memory|nats|kafka|composite' ;;
  *) die "switch-queue: '$queue' is no queue (memory, nats, kafka, composite)" ;;
esac
[[ -z ${QUEUE_TYPE:-} ]] ||
  die "switch-queue: QUEUE_TYPE=$QUEUE_TYPE in the environment wins over .env; unset it"

# Asks `make run-local`, and shows what it says; 1 when it couldn't.
ask_runner() {
  local runner=$1 shown=0 lines line
  : >"$switch_answer"
  printf '%s\n' "$queue ${SWITCH_TIMEOUT:-60}" >"$switch_request.new"
  mv "$switch_request.new" "$switch_request"
  while kill -0 "$runner" 2>/dev/null; do
    # It may have been about to wait, and miss the first one.
    [[ ! -e $switch_request ]] || kill -USR1 "$runner"
    mapfile -t -s "$shown" lines <"$switch_answer"
    for line in "${lines[@]}"; do
      [[ $line != 'exit '* ]] || return "${line#exit }"
      say "$line"
      shown=$((shown + 1))
    done
    sleep 0.2
  done
  die 'switch-queue: run-local ended'
}

# With nothing running: a processor of the old queue works off what it finds.
drain_alone() {
  read_addresses
  check_ports processor || exit 1
  start_services "$root/run/logs" processor
  trap 'stop_services 35 || true' EXIT
  await_drained || return 1
  trap - EXIT
  stop_services 35
}

if runner=$(running_runner); then
  ask_runner "$runner" || exit 1
else
  old=$(queue_in_effect)
  if [[ $old == "$queue" ]]; then
    say "the queue is $queue already"
    exit 0
  fi
  check_queue "$queue" || exit 1
  # Memory dies with its process: nothing is in it.
  if [[ $old != memory ]]; then
    say "nothing runs: starting a processor to work off what is in $old"
    drain_alone || exit 1
  fi
  write_queue "$queue"
  say "switched from $old to $queue in .env"
fi
