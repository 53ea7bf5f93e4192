#!/usr/bin/env bash
# Installs the services under a systemd of their own, as the first process of new namespaces, and
# tests what deploy/systemd promises: scripts/test-systemd.sh [unittest's arguments]...
# Wants root, a mounted cgroup2 and a release build (MILLRACE_BIN, or build/release/bin); touches
# nothing of the machine's own systemd.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

((EUID == 0)) || die 'test-systemd: not root: namespaces and cgroups of their own want it'
[[ -x /usr/lib/systemd/systemd ]] ||
  die 'test-systemd: systemd is missing; run scripts/install-deps.sh check'
cgroups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[[ -n $cgroups ]] || die 'test-systemd: no cgroup2 is mounted'
executables=$(realpath -- "${MILLRACE_BIN:-build/release/bin}")
[[ -x $executables/processor ]] ||
  die "test-systemd: $executables/processor is missing: run 'make build' first"

cgroup=$cgroups/millrace-test-$$
folder=$(mktemp -d -t millrace-systemd.XXXXXX)
outer=

on_exit() {
  # It is the first process of its namespace: all others of that end with it.
  [[ -z $outer ]] || { kill -KILL "$outer" && wait "$outer"; } 2>/dev/null || true
  [[ ! -d $cgroup ]] || echo 1 >"$cgroup/cgroup.kill"
  for _ in {1..100}; do
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.05
  done
  rm -rf --one-file-system "$folder"
}
trap on_exit EXIT

mkdir "$cgroup" "$folder/root"
(
  echo "$BASHPID" >"$cgroup/cgroup.procs"
  exec unshare --mount --pid --fork --kill-child --cgroup --net --uts --ipc \
    tests/systemd/boot.sh "$root" "$executables" "$folder/root"
) </dev/null >"$folder/boot.log" 2>&1 &
outer=$!

# inside COMMAND...: in the namespaces of that systemd.
inside() {
  local init
  init=$(pgrep -P "$outer") || return
  nsenter --target "$init" --mount --pid --cgroup --net --uts --ipc --root --wdns="/checkout$wd" -- "$@"
}

wd=
for _ in {1..200}; do
  inside systemctl is-system-running &>/dev/null && break
  kill -0 "$outer" 2>/dev/null || break
  sleep 0.05
done
inside systemctl --quiet is-active test.target ||
  die "test-systemd: systemd didn't start in its namespaces: $(cat "$folder/boot.log")"

wd=/tests/systemd
inside env -i PATH="$PATH" LC_ALL=C.UTF-8 MILLRACE_BIN=/executables \
  python3 -B -m unittest -v "${@:-test_systemd}"
