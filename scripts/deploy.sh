#!/usr/bin/env bash
# Replaces the services that run in containers by the images of this checkout, one after another and
# without refusing a request: new instances are started beside the old ones; once they are ready the
# old ones stop accepting, finish what they have, and go.
#
#   scripts/deploy.sh [SERVICE]...      all four when none is named, against the flow
#
# BUILD=0 takes the images as they are. When a new instance doesn't come up, the old ones stay.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

readonly ready_within_s=60
# Until every instance has asked DNS again: three times UPSTREAM_REFRESH.
readonly found_within_s=3
(($#)) || set -- processor ingest grpc-server api-gateway

# All that runs of a service is "old" but for what is named here.
new_of() {
  local id
  for id in $(existing "$1"); do [[ " $2 " == *" $id "* ]] || printf '%s ' "$id"; done
}

# It says so itself: at a shared port, its health check may have asked an old one.
is_ready() {
  [[ $(state_of "$1") == healthy ]] && docker logs "$1" 2>&1 | grep -q '"event":"ready"'
}

await_ready() {
  local id limit=$((SECONDS + ready_within_s))
  for id in "$@"; do
    until is_ready "$id"; do
      [[ $(state_of "$id") != exited ]] && ((SECONDS < limit)) || return 1
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
    docker stop --time 40 "$id" >/dev/null
    code=$(docker inspect --format '{{.State.ExitCode}}' "$id")
    ((code == 0)) || say "  a $service ended with code $code: $(docker logs --tail 1 "$id" 2>&1)" >&2
    docker rm "$id" >/dev/null
  done
}

roll() {
  local service=$1 old new count
  old=$(running "$service" | tr '\n' ' ')
  count=$(wc -w <<<"$old")
  ((count > 0)) || die "deploy: no $service runs in containers: 'make docker-up' starts them"
  compose_all up --detach --no-deps --no-recreate --no-build --scale "$service=$((2 * count))" "$service" \
    >/dev/null 2>&1 || true # what it made is looked at below
  new=$(new_of "$service" "$old")
  # shellcheck disable=SC2086  # lists of ids
  if (($(wc -w <<<"$new") != count)) || ! await_ready $new; then
    say_who_is_unwell
    retire "$service" $new # one of them may have taken messages already
    die "deploy: a new $service didn't get ready within $ready_within_s s; the old ones go on"
  fi
  sleep "$found_within_s"
  # shellcheck disable=SC2086
  retire "$service" $old
  say "  $service: $count replaced"
}

need_engine
for service in "$@"; do
  [[ " ${services[*]} " == *" $service "* ]] || die "deploy: no service '$service': there are ${services[*]}"
done
[[ -n $(running edge) ]] || die "deploy: nothing runs in containers: 'make docker-up' starts them"
[[ ${BUILD:-1} == 0 ]] || scripts/docker_build.sh "$@"
title 'replacing'
for service in "$@"; do roll "$service"; done
say 'deployed'
