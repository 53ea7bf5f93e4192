#!/usr/bin/env bash
# Brings back the volumes that scripts/backup.sh saved:   scripts/restore.sh FILE
# Nothing may run in containers meanwhile. Settings are shown, not written: the archive's .env goes to
# .env.restored. What a volume holds now is replaced: OVERWRITE=1 says that this is wanted.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

file=${1:?usage: scripts/restore.sh FILE}
need_engine
[[ -r $file ]] || die "restore: $file can't be read"
tar -tf "$file" ./compose.yml >/dev/null 2>&1 || die "restore: $file is no archive of 'make backup'"
# shellcheck disable=SC2119
[[ -z $(running) ]] || die "restore: containers run: 'make docker-down' stops them"
# All that it needs, before anything is replaced.
docker image inspect "$holder_image" >/dev/null 2>&1 ||
  die "restore: the image $holder_image is missing: 'make docker-build' makes it"
need_disk $((2 * $(stat -c %s "$file") / 1048576 + 1))

work=$(mktemp -d -t millrace-restore.XXXXXX)
holder=
on_exit() {
  [[ -z $holder ]] || docker rm --force "$holder" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap on_exit EXIT
trap 'exit 130' INT TERM HUP
tar -C "$work" -xf "$file" || die "restore: $file can't be unpacked to $work (is there room for it?)"
mapfile -t saved < <(cd "$work" && printf '%s\n' *.tar)
for archive in "${saved[@]}"; do
  tar -tf "$work/$archive" >/dev/null 2>&1 || die "restore: $archive in $file is damaged"
done

project=$(project_name)
for archive in "${saved[@]}"; do
  volume=${project}_${archive%.tar}
  ! docker volume inspect "$volume" >/dev/null 2>&1 || yes OVERWRITE ||
    die "restore: the volume $volume exists: OVERWRITE=1 replaces it"
done
# Stopped containers hold on to their volumes.
compose_all down >/dev/null 2>"$work/log" || die "restore: $(tail -n 1 "$work/log")"
for archive in "${saved[@]}"; do
  volume=${project}_${archive%.tar}
  say "restoring $volume"
  docker volume rm --force "$volume" >/dev/null
  docker volume create --label "com.docker.compose.project=$project" \
    --label "com.docker.compose.volume=${archive%.tar}" "$volume" >/dev/null
  holder=$(holder_of "$volume")
  docker cp - "$holder:/volume" <"$work/$archive" ||
    die "restore: $volume is not whole: $file still is, run this again with OVERWRITE=1"
  docker rm "$holder" >/dev/null
  holder=
done
if [[ -f $work/dot-env ]]; then
  (umask 077 && cp "$work/dot-env" .env.restored)
  say 'the settings of then: .env.restored'
fi
say "restored ${#saved[@]} volumes from $file"
