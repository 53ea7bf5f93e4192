#!/usr/bin/env bash
# Configures a preset when needed and builds it:   scripts/build.sh PRESET [TARGET]...
# V=1 shows the commands, JOBS=1 bounds the compilers that run at once.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# What one checkout has compiled serves every other.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

preset=${1:?usage: scripts/build.sh PRESET [TARGET]...}
shift
dir=build/$preset
log=$dir/configure.log

if [[ ! -f $dir/build.ninja ]]; then
  say "configuring $preset"
  mkdir -p "$dir"
  cmake --preset "$preset" >"$log" 2>&1 || {
    cat "$log" >&2
    die "configuring $preset failed (above); 'make clean' helps when the tree was moved"
  }
fi

# Ninja's own status line is for terminals; a log gets only what went wrong.
ninja=()
if [[ -n ${V:-} ]]; then
  ninja=(-v)
elif [[ ! -t 1 ]]; then
  ninja=(--quiet)
fi
targets=()
(($# == 0)) || targets=(--target "$@")
start=$(now_ms)
say "building $preset${*:+: $*}"
cmake --build "$dir" ${JOBS:+-j "$JOBS"} "${targets[@]}" -- "${ninja[@]}" ||
  die "building $preset failed"
say "built $preset in $((($(now_ms) - start) / 1000)) s"
