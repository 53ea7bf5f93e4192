#!/usr/bin/env bash
# Sees to it that each image that docker-compose.yml and docker/Dockerfile name is there: pulled, or
# where the registry can't be reached made of the same server software, under the same name.
#
#   tests/docker/standins.sh [remove]     takes the stand-ins away again
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/millrace
readonly label=millrace.stand-in=true

if [[ ${1:-} == remove ]]; then
  mapfile -t images < <(docker image ls --filter "label=$label" --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>')
  ((${#images[@]} == 0)) || docker image rm "${images[@]}" >/dev/null
  exit
fi

work=$(mktemp -d -t millrace-standins.XXXXXX)
trap 'rm -rf "$work"' EXIT

missing() { ! docker image inspect "$1" >/dev/null 2>&1; }

# A registry that can't be reached often says nothing at all: it is asked shortly whether it has the
# image, and then given the time that it takes.
pulled() {
  timeout 15 docker manifest inspect "$1" >/dev/null 2>&1 && docker pull -q "$1" >/dev/null
}

debian_from_packages() {
  command -v debootstrap >/dev/null || scripts/install-deps.sh docker
  debootstrap --variant=minbase bookworm "$work/debian" >"$work/log" 2>&1 ||
    { tail -n 5 "$work/log" >&2 && die 'standins: debootstrap failed'; }
  tar -C "$work/debian" -c . | docker import --change "LABEL $label" - "$1" >/dev/null
  rm -rf "$work/debian"
}

# What an image's build needs, into the folder $2.
prepare() {
  cp tests/docker/standins/Dockerfile "$2"
  case $1 in
    nats) scripts/install-tools.sh nats-server && cp "$cache/tools/nats-server" "$2" ;;
    k6) scripts/install-tools.sh k6 && cp "$cache/tools/k6" "$2" ;;
    pause) gcc -static -O2 -o "$2/pause" tests/docker/standins/pause.c ;;
    kafka)
      scripts/install-deps.sh kafka && scripts/install-servers.sh
      cp -r "$cache"/kafka-*/ "$2/jars"
      mkdir -p "$2/kafka/etc/kafka/docker"
      cp tests/docker/standins/run_kafka.sh "$2/kafka/run.sh"
      touch "$2/kafka/etc/kafka/docker/"{server,log4j,tools-log4j}.properties
      ;;
  esac
}

debian=$(sed -nE 's/^ARG DEBIAN=(.*)/\1/p' docker/Dockerfile)
if missing "$debian" && ! pulled "$debian"; then
  say "standins: $debian can't be pulled: made of Debian's packages"
  debian_from_packages "$debian"
fi

for image in $(docker compose --profile '*' config --images | grep -v '^millrace/' | sort -u); do
  missing "$image" || continue
  ! pulled "$image" || continue
  target=$(sed -E 's#.*/##; s#:.*##' <<<"$image")
  say "standins: $image can't be pulled: made of the same software"
  mkdir "$work/$target"
  prepare "$target" "$work/$target"
  docker buildx build --quiet --load --build-arg "DEBIAN=$debian" --label "$label" \
    --target "$target" --tag "$image" "$work/$target" >/dev/null 2>"$work/log" ||
    { tail -n 20 "$work/log" >&2 && die "standins: $image can't be made"; }
done
