#!/usr/bin/env bash
# Runs the micro benchmarks of the release build, all or those named, beside their rivals:
#   scripts/bench.sh [--quick] [--passes N] [ring|pool|...]...
# --quick, or BENCH_QUICK=1: a minute or two, and nothing is kept in results/raw.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

arguments=("$@")
[[ -z ${BENCH_QUICK:-} ]] || arguments+=(--quick)

# atomic_queue is a header, but its package wants Debian's default Boost, which can't be there
# together with ours: so it is unpacked into the cache.
rivals=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/rivals
fetch_atomic_queue() {
  [[ -d $rivals/usr/include/atomic_queue ]] && return
  local work
  work=$(mktemp -d)
  if (cd "$work" && apt-get -q download libatomic-queue-dev) >"$work/log" 2>&1; then
    mkdir -p "$rivals"
    dpkg-deb -x "$work"/*.deb "$rivals"
  else
    say "bench: atomic_queue can't be fetched, its rows are missing: $(tail -n 1 "$work/log")"
  fi
  rm -rf "$work"
}

build_go() {
  if ! command -v go >/dev/null; then
    say "bench: Go isn't there, the rows of its channels are missing"
  elif ! (cd bench/go &&
    GOTOOLCHAIN=local GOFLAGS=-buildvcs=false go build -o "$root/build/go_bench" .) 2>"$log"; then
    say "bench: bench/go can't be built, the rows of Go's channels are missing: $(tail -n 1 "$log")"
  else
    arguments+=(--go build/go_bench)
  fi
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
fetch_atomic_queue
[[ ! -f build/release/build.ninja ]] || cmake --preset release >"$log" # it looks for the rivals
targets=()
for source in bench/micro/*_bench.cpp; do
  targets+=("bench_$(basename "$source" _bench.cpp)")
done
scripts/build.sh release "${targets[@]}"
build_go
[[ -e /usr/include/tbb/concurrent_queue.h ]] ||
  say 'bench: oneTBB (libtbb-dev) is missing, and its rows with it'
[[ -e /usr/include/uuid/uuid.h ]] ||
  say 'bench: libuuid (uuid-dev) is missing, and its rows with it'
bench/micro/run.py "${arguments[@]}"
