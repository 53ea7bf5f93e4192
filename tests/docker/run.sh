#!/usr/bin/env bash
# `make docker-test`: sees to an engine, Compose and the public images, runs the tests of this folder
# and leaves nothing behind: no container, no volume, no image that stands in for a public one
# (KEEP=1: those stay). An engine that it had to start itself is stopped at the end.
#
#   tests/docker/run.sh [TEST]...      tests/docker/run.sh test_images test_profiles.Nats
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

tools=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/tools

# Debian 12 has the engine, but neither of these plugins.
need_plugin() {
  docker "$1" version >/dev/null 2>&1 && return
  say "docker-test: docker $1 isn't there: building it"
  scripts/install-tools.sh "docker-$1"
  mkdir -p "${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins"
  ln -sf "$tools/docker-$1" "${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins/docker-$1"
}

engine=
start_engine() {
  if ((EUID != 0)) || ! command -v dockerd >/dev/null; then
    die 'docker-test: no Docker engine answers: start one (systemctl start docker)'
  fi
  say 'docker-test: no engine answers: starting one for the time of the tests'
  dockerd >"$log" 2>&1 &
  engine=$!
  local limit=$((SECONDS + 30))
  until docker version >/dev/null 2>&1; do
    if ((SECONDS > limit)) || ! kill -0 "$engine" 2>/dev/null; then
      tail -n 5 "$log" >&2
      die 'docker-test: the engine that was started says nothing'
    fi
    sleep 0.2
  done
}
log=$(mktemp -t millrace-dockerd.XXXXXX)
export MILLRACE_TEST_PROJECT=millrace-test-$$
readonly ours=(--filter "label=com.docker.compose.project=$MILLRACE_TEST_PROJECT")

# What tests that were broken off left.
clean_up() {
  local ids
  mapfile -t ids < <(docker ps --all --quiet "${ours[@]}")
  ((${#ids[@]} == 0)) || docker rm --force "${ids[@]}"
  mapfile -t ids < <(docker volume ls --quiet "${ours[@]}")
  ((${#ids[@]} == 0)) || docker volume rm "${ids[@]}"
  mapfile -t ids < <(docker network ls --quiet "${ours[@]}")
  ((${#ids[@]} == 0)) || docker network rm "${ids[@]}"
  mapfile -t ids < <(docker image ls --filter 'reference=millrace/*:docker-test' --format '{{.Repository}}:{{.Tag}}')
  ((${#ids[@]} == 0)) || docker image rm "${ids[@]}"
  [[ -n ${KEEP:-} ]] || "$root/tests/docker/standins.sh" remove
}

on_exit() {
  ! docker version >/dev/null 2>&1 || clean_up >/dev/null 2>&1 || true
  [[ -z $engine ]] || { kill "$engine" && wait "$engine"; } || true
  rm -f "$log"
}
trap on_exit EXIT

[[ -n ${CI:-} ]] || command -v docker >/dev/null || scripts/install-deps.sh docker
command -v docker >/dev/null || die 'docker-test: docker is missing: scripts/install-deps.sh docker'
docker version >/dev/null 2>&1 || start_engine
need_plugin compose
need_plugin buildx
scripts/install-deps.sh build test
scripts/install-tools.sh grpcurl
tests/docker/standins.sh
cd tests/docker
(($#)) || set -- test_images test_refusals test_profiles
# Debian's own Python has Debian's gRPC.
/usr/bin/python3 -B -m unittest -v "$@"
