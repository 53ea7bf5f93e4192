#!/usr/bin/env bash
# Runs the micro benchmarks of the release build, all or those named: scripts/bench.sh [bench_ring]...
# BENCH_ARGS goes to each, such as --benchmark_repetitions=5.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

(($#)) || mapfile -t found < <(compgen -G 'build/release/bin/bench_*' | xargs -rn1 basename)
(($#)) || set -- "${found[@]}"
(($#)) || die 'bench: no build/release/bin/bench_*; are they in bench/micro/CMakeLists.txt?'
for name in "$@"; do
  title "$name"
  read -ra arguments <<<"${BENCH_ARGS:-}"
  "build/release/bin/$name" "${arguments[@]}"
done
