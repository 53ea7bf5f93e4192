#!/usr/bin/env bash
# The units of deploy/systemd, installed below a folder, give systemd-analyze nothing to say: they
# load without a warning, and none is more exposed than it has to be. What they do is tested by
# scripts/test-systemd.sh.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"

# Of 10. What remains: they talk IP with whoever asks, and read /proc/stat.
readonly exposure_max=1.1

command -v systemd-analyze >/dev/null ||
  die 'systemd: systemd-analyze is missing; run scripts/install-deps.sh check'
folder=$(mktemp -d -t millrace-systemd.XXXXXX)
trap 'rm -rf "$folder"' EXIT

# Executables that are only there: it is about the units.
mkdir "$folder/bin" "$folder/root"
for service in api-gateway ingest processor grpc-server; do
  printf '#!/bin/sh\n' >"$folder/bin/$service"
done
MILLRACE_BIN=$folder/bin scripts/install_systemd.sh install --root "$folder/root"
# What the units name of systemd's own, and of others'.
mkdir -p "$folder/root/usr/lib/systemd" "$folder/root/usr/bin"
cp -r /usr/lib/systemd/system "$folder/root/usr/lib/systemd/"
install -m 755 /dev/null "$folder/root/usr/bin/kill"

mapfile -t units < <(cd deploy/systemd && printf '%s\n' *.service *.target)
if ! findings=$(systemd-analyze verify --root="$folder/root" --man=no --recursive-errors=no \
  "${units[@]}" 2>&1) || [[ -n $findings ]]; then
  die "systemd: ${findings:-verify failed}"
fi

worst=0
for unit in "${units[@]}"; do
  [[ $unit == *.service ]] || continue
  table=$(systemd-analyze security --root="$folder/root" --offline=true --no-pager "$unit")
  exposure=$(sed -nE 's/.*Overall exposure level for .*: ([0-9.]+) .*/\1/p' <<<"$table")
  awk -v is="${exposure:-10}" -v most="$exposure_max" 'BEGIN { exit is <= most ? 0 : 1 }' ||
    die "systemd: the exposure of $unit is ${exposure:-unknown}, more than $exposure_max:
$(grep '^✗' <<<"$table")"
  worst=$(printf '%s\n' "$worst" "$exposure" | sort -n | tail -n 1)
done

# A variable that a unit names is a setting.
while read -r variable; do
  grep -q "^#$variable=" .env.example || die "systemd: $variable of a unit is no setting"
done < <(sed -nE 's/^(Environment|UnsetEnvironment)=//p' deploy/systemd/*.service |
  tr ' ' '\n' | sed 's/=.*//' | sort -u)
say "systemd: ${#units[@]} units load without a warning, exposure at most $worst of 10"
