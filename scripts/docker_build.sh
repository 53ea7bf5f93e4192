#!/usr/bin/env bash
# Builds the images, prints their sizes, and refuses one that is larger than it may be. What each is
# made of goes to build/sbom/ as SPDX.   scripts/docker_build.sh [SERVICE]...
# MILLRACE_TAG names the images' tag (local), DEBIAN the image they are built in, REVISION what they
# are built of (git's).
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

readonly image_bytes_max=30000000
tag=${MILLRACE_TAG:-local}
(($#)) || set -- "${services[@]}"

need_engine
need_disk "$disk_at_least_mb"
docker buildx version >/dev/null 2>&1 ||
  die "docker buildx is missing, and the images need BuildKit: install Docker's buildx plugin"

arguments=(--file docker/Dockerfile
  --build-arg "VERSION=$(sed -nE 's/^project\(millrace VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)"
  --build-arg "REVISION=${REVISION:-$(git describe --always --dirty --abbrev=40 2>/dev/null || echo unknown)}"
  --build-arg "CREATED=$(date -u +%Y-%m-%dT%H:%M:%SZ)")
[[ -z ${DEBIAN:-} ]] || arguments+=(--build-arg "DEBIAN=$DEBIAN")

# Quiet unless it fails; on a terminal BuildKit shows its progress.
log=$(mktemp -t millrace-docker-build.XXXXXX)
trap 'rm -f "$log"' EXIT
build() {
  if [[ -t 1 ]]; then
    docker buildx build "${arguments[@]}" "$@" .
  else
    docker buildx build --progress plain "${arguments[@]}" "$@" . >"$log" 2>&1 ||
      { tail -n 40 "$log" >&2 && false; }
  fi || die "the build failed: its last lines are above"
}

start=$(now_ms)
for service in "$@"; do
  say "building millrace/$service:$tag"
  build --load --target "$service" --tag "millrace/$service:$tag"
done
build --target sbom --output build/sbom
say "built in $((($(now_ms) - start) / 1000)) s; bills of materials: build/sbom/"

too_large=0
printf '%-28s %10s\n' IMAGE 'SIZE, MB'
for service in "$@"; do
  bytes=$(docker image inspect --format '{{.Size}}' "millrace/$service:$tag")
  printf '%-28s %10s\n' "millrace/$service:$tag" "$((bytes / 1000000)).$((bytes / 100000 % 10))"
  ((bytes <= image_bytes_max)) || too_large=1
done
((too_large == 0)) || die "an image has at most $((image_bytes_max / 1000000)) MB"
