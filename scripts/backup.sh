#!/usr/bin/env bash
# Saves the volumes and settings of the containers to a dated archive:   scripts/backup.sh [FILE]
#
# While a volume is copied, the containers that write to it stand still, so that a copy is what a
# power cut would have left: brokers and Prometheus recover from it. Who publishes meanwhile waits, and
# is answered 503 or 504 when that takes longer than REQUEST_TIMEOUT. KEEP_RUNNING=1 copies without.
# backups/millrace-DATE.tar is where it goes by default.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

need_engine
file=${1:-backups/millrace-$(date -u +%Y%m%dT%H%M%SZ).tar}
[[ ! -e $file ]] || die "backup: $file exists already"
mapfile -t volumes < <(volumes_of_project)
((${#volumes[@]} > 0)) || die 'backup: there are no volumes: nothing was ever started here'
docker image inspect "$holder_image" >/dev/null 2>&1 ||
  die "backup: the image $holder_image is missing: 'make docker-build' makes it"

umask 077 # secrets are in it: for its owner alone
mkdir -p "$(dirname "$file")"
work=$(mktemp -d "$(dirname "$file")/.backup.XXXXXX")
paused=() holder=''
go_on() {
  ((${#paused[@]} == 0)) || docker unpause "${paused[@]}" >/dev/null 2>&1 || true
  [[ -z $holder ]] || docker rm --force "$holder" >/dev/null 2>&1 || true
  paused=() holder=''
}
on_exit() {
  go_on
  rm -rf "$work" "$work.tar"
}
trap on_exit EXIT
trap 'exit 130' INT TERM HUP

# save VOLUME: by its name in the archive, which is the same in every project.
save() {
  local volume=$1
  if ! yes KEEP_RUNNING; then
    mapfile -t paused < <(docker ps --quiet --filter "volume=$volume" --filter status=running)
    ((${#paused[@]} == 0)) || docker pause "${paused[@]}" >/dev/null
  fi
  holder=$(holder_of "$volume")
  docker cp "$holder:/volume/." - >"$work/$(short_name "$volume").tar" ||
    die "backup: $volume can't be copied (is there room for it?)"
  go_on
}

for volume in "${volumes[@]}"; do
  say "saving $volume"
  save "$volume"
done
[[ ! -f .env ]] || cp .env "$work/dot-env"
compose_all config >"$work/compose.yml"
tar -C "$work" -cf "$work.tar" . || die "backup: $file can't be written (is there room for it?)"
mv "$work.tar" "$file"
say "saved to $file ($(($(stat -c %s "$file") / 1048576)) MB): ${#volumes[@]} volumes and the settings"
