#!/usr/bin/env bash
# Replaces the services that run in containers by the images of this checkout, one after another and
# without refusing a request: new instances are started beside the old ones; once they are ready the
# old ones stop accepting, finish what they have, and go.
#
#   scripts/deploy.sh [SERVICE]...      all four when none is named, against the flow
#
# Settings that neither the environment nor .env says stay as they are. BUILD=0 takes the images as
# they are. When a new instance doesn't come up, the old ones stay.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

readonly ready_within_s=60
# Who couldn't listen has ended by then.
readonly listens_within_s=10
(($#)) || set -- processor ingest grpc-server api-gateway

# Healthy, and it says itself that it is ready: at a shared port, its health check may have asked an
# old one. Where the log doesn't say so (LOG_LEVEL), that it still runs after a while is as good.
is_ready() {
  [[ $(state_of "$1") == healthy ]] || return 1
  (($(docker logs "$1" 2>&1 | grep -c '"event":"ready"') > 0)) || ((SECONDS - $2 > listens_within_s))
}

await_ready() {
  local id began=$SECONDS
  for id in "$@"; do
    until is_ready "$id" "$began"; do
      [[ $(state_of "$id") != exited ]] && ((SECONDS - began < ready_within_s)) || return 1
      sleep 0.2
    done
  done
}

# retire SERVICE ID...: each drains and goes; an exit code other than 0 is told, and is no reason to
# stop.
retire() {
  local service=$1 id code
  shift
  for id in "$@"; do
    docker stop "$id" >/dev/null
    code=$(docker inspect --format '{{.State.ExitCode}}' "$id")
    ((code == 0)) || say "  a $service ended with code $code: $(docker logs --tail 1 "$id" 2>&1)" >&2
    docker rm "$id" >/dev/null
  done
}

# Whatever ends this, no new instance stays beside the old ones.
rolling="" old=""
on_exit() {
  local new
  [[ -n $rolling ]] || return 0
  mapfile -t new < <(those_but "$old" "$rolling")
  ((${#new[@]} == 0)) || retire "$rolling" "${new[@]}" || true # they may have taken messages already
}
trap on_exit EXIT
trap 'exit 130' INT TERM HUP

roll() {
  local service=$1 count new said ended
  old=$(running "$service")
  count=$(wc -w <<<"$old")
  ((count > 0)) || die "deploy: no $service runs in containers: 'make docker-up' starts them"
  # Compose would start those again.
  mapfile -t ended < <(those_but "$old" "$service")
  ((${#ended[@]} == 0)) || docker rm --force "${ended[@]}" >/dev/null
  rolling=$service
  said=$(compose_all up --detach --no-deps --no-recreate --no-build --scale "$service=$((2 * count))" \
    "$service" 2>&1) || die "deploy: no new $service: $(tail -n 1 <<<"$said")"
  mapfile -t new < <(those_but "$old" "$service")
  if ((${#new[@]} != count)) || ! await_ready "${new[@]}"; then
    say_who_is_unwell
    die "deploy: a new $service didn't get ready within $ready_within_s s; the old ones go on"
  fi
  sleep "$found_within_s"
  rolling=
  # shellcheck disable=SC2086  # a list of ids
  retire "$service" $old
  say "  $service: $count replaced"
}

need_engine
need_disk "$disk_at_least_mb"
for service in "$@"; do
  [[ " ${services[*]} " == *" $service "* ]] || die "deploy: no service '$service': there are ${services[*]}"
done
processor=$(running processor | head -n 1)
[[ -n $(running edge) && -n $processor ]] ||
  die "deploy: nothing runs in containers: 'make docker-up' starts them"
mapfile -t grpc < <(running grpc-server)
keep_settings_of "$processor" "${grpc[@]}"
was=$(setting_of "$processor" QUEUE_TYPE)
queue=$(queue_in_effect)
[[ $queue == "$was" ]] || die "deploy: what runs has its queue in $was, the settings say $queue: \
'make docker-up' changes it, and what waits in $was stays there"
# Until everybody has asked DNS again.
refresh=$(setting_of "$processor" UPSTREAM_REFRESH)
found_within_s=$((2 * $(in_seconds "${refresh:-1s}") + 1))
[[ ${BUILD:-1} == 0 ]] || scripts/docker_build.sh "$@"
title "replacing, with the queue in $queue"
for service in "$@"; do roll "$service"; done
say 'deployed'
