#!/usr/bin/env bash
# Saves the volumes and settings of the containers to a dated archive:   scripts/backup.sh [FILE]
#
# While a volume is copied, the containers that write to it stand still, so that a copy is what a
# power cut would have left: brokers and Prometheus recover from it. Who publishes meanwhile waits.
# KEEP_RUNNING=1 copies without.   backups/millrace-DATE.tar is where it goes by default.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

need_engine
file=${1:-backups/millrace-$(date -u +%Y%m%dT%H%M%SZ).tar}
[[ ! -e $file ]] || die "backup: $file exists already"
mapfile -t volumes < <(volumes_of_project)
((${#volumes[@]} > 0)) || die 'backup: there are no volumes: nothing was ever started here'

mkdir -p "$(dirname "$file")"
work=$(mktemp -d "$(dirname "$file")/.backup.XXXXXX")
paused=()
on_exit() {
  ((${#paused[@]} == 0)) || docker unpause "${paused[@]}" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap on_exit EXIT
trap 'exit 130' INT TERM HUP

# save VOLUME: by its name in the archive, which is the same in every project.
save() {
  local volume=$1 holder
  paused=()
  [[ -n ${KEEP_RUNNING:-} ]] || mapfile -t paused < <(docker ps --quiet --filter "volume=$volume" --filter status=running)
  ((${#paused[@]} == 0)) || docker pause "${paused[@]}" >/dev/null
  holder=$(holder_of "$volume")
  docker cp "$holder:/volume/." - >"$work/$(short_name "$volume").tar"
  docker rm "$holder" >/dev/null
  ((${#paused[@]} == 0)) || docker unpause "${paused[@]}" >/dev/null
  paused=()
}

for volume in "${volumes[@]}"; do
  say "saving $volume"
  save "$volume"
done
# Secrets are in it: for its owner alone.
umask 077
[[ ! -f .env ]] || cp .env "$work/dot-env"
compose_all config >"$work/compose.yml"
tar -C "$work" -cf "$work.tar" .
mv "$work.tar" "$file"
say "saved to $file ($(($(stat -c %s "$file") / 1048576)) MB): ${#volumes[@]} volumes and the settings"
