# shellcheck shell=bash
# What `make run-local` and `make switch-queue` share: how one asks the other, when a queue is worked
# off, and how .env is changed. Sourced instead of services.sh.

source "$(dirname -- "${BASH_SOURCE[0]}")/services.sh"

readonly runner_file=$root/run/run_local.pid
# shellcheck disable=SC2034  # for those who source this
readonly switch_request=$root/run/switch.request
# shellcheck disable=SC2034
readonly switch_answer=$root/run/switch.answer

# The process id of the `make run-local` of this checkout; 1 when there is none.
running_runner() {
  local runner
  runner=$(cat "$runner_file" 2>/dev/null) || return 1
  grep -qs run_local.sh "/proc/$runner/cmdline" || return 1
  printf '%s' "$runner"
}

queue_in_effect() {
  local settings
  settings=$("$root/bin/processor" --check-config) || exit 2
  sed -n 's/^QUEUE_TYPE=//p' <<<"$settings"
}

# Whether both services could start with that queue; they say what is wrong.
check_queue() {
  QUEUE_TYPE=$1 "$root/bin/processor" --check-config >/dev/null &&
    QUEUE_TYPE=$1 "$root/bin/ingest" --check-config >/dev/null
}

# As the only QUEUE_TYPE line of .env, at its end. Whole or not at all.
write_queue() {
  local new
  new=$(mktemp "$root/.env.XXXXXX")
  if [[ -f .env ]]; then
    cp -p .env "$new"
    sed -i -E '/^[[:space:]]*(export[[:space:]]+)?QUEUE_TYPE[[:space:]]*=/d' "$new"
    [[ ! -s $new || -z $(tail -c 1 "$new") ]] || printf '\n' >>"$new"
  fi
  printf 'QUEUE_TYPE=%s\n' "$1" >>"$new"
  mv "$new" .env
}

# number_of NAME STATS
number_of() { sed -nE "s/.*\"$1\":([0-9]+).*/\1/p" <<<"$2"; }

# Waits until nothing waits and nothing is in work, for two seconds on end: a broker says so late.
# After SWITCH_TIMEOUT seconds it says how many remain: 1.
await_drained() {
  local limit=$((SECONDS + ${SWITCH_TIMEOUT:-60})) empty_since='' told=0 stats waiting in_work
  while :; do
    stats=$(curl -fs -m 2 "${urls[processor]}/stats" || true)
    waiting=$(number_of size "$stats") in_work=$(number_of in_flight "${stats#*\"pool\"}")
    if [[ $waiting == 0 && $in_work == 0 ]]; then
      : "${empty_since:=$SECONDS}"
      ((SECONDS - empty_since < 2)) || return 0
    else
      empty_since=
    fi
    if ((SECONDS >= limit)) && [[ -z $waiting ]]; then
      say "the processor doesn't say what remains in the old queue: not switched" >&2
      return 1
    fi
    if ((SECONDS >= limit)); then
      say "$((waiting + in_work)) messages or more remain in the old queue: not switched." \
        "Let the processor work them off, or give it longer: SWITCH_TIMEOUT=600" >&2
      return 1
    fi
    if ((SECONDS > told)) && [[ -n $waiting && $waiting$in_work != 00 ]]; then
      say "  $waiting wait, $in_work are in work"
      told=$SECONDS
    fi
    sleep 0.2 || true
  done
}
