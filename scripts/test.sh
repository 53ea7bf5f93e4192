#!/usr/bin/env bash
# Builds a preset whole and runs its tests:   scripts/test.sh PRESET [ctest's arguments]...
# Those with the label integration need real brokers: they run when they are asked for,
#   scripts/test.sh PRESET -L integration
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

preset=${1:?usage: scripts/test.sh PRESET [ctest argument]...}
shift
scripts/build.sh "$preset"

export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:${TSAN_OPTIONS:-}"

# The sanitizers of GCC 12 and Clang 14 don't start where the kernel spreads addresses over more bits
# than they expect.
run=()
if [[ $preset != release && $(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0) -gt 28 ]] &&
  setarch -R true 2>/dev/null; then
  run=(setarch -R)
fi
# Tests with real servers mostly wait for them: one more than there are cores.
jobs=$(nproc)
[[ " $* " != *' -L integration '* ]] || jobs=$((jobs + 1))
arguments=(--test-dir "build/$preset" --output-on-failure --no-tests=error --timeout 600
  -j "$jobs")
[[ " $* " == *' -L integration '* ]] || arguments+=(-LE integration)
[[ -t 1 ]] && arguments+=(--progress)

title "testing $preset"
"${run[@]}" ctest "${arguments[@]}" "$@" || die "the $preset tests failed: the failures are above"
