#!/usr/bin/env bash
# Runs every fuzz target in turn (or those named), SECONDS each, starting from its seeds.
#   scripts/fuzz.sh SECONDS [TARGET...]
# BUILD_DIR (build/fuzz) keeps the build, the grown corpora and the findings.
# Exit code: 0 nothing found, 1 a finding, 2 wrong usage or no build.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-}
if [[ ! $seconds =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: scripts/fuzz.sh SECONDS [TARGET...]   (seconds per target, a whole number)" >&2
  exit 2
fi
shift
build=${BUILD_DIR:-build/fuzz}

cmake --preset fuzz -B "$build" >/dev/null || exit 2
cmake --build "$build" --target fuzz_targets || exit 2

targets=("$@")
if ((${#targets[@]} == 0)); then
  for folder in tests/fuzz/seeds/*/; do targets+=("$(basename "$folder")"); done
fi

found=()
for target in "${targets[@]}"; do
  program=$build/bin/${target}_fuzz
  [[ -x $program ]] || { echo "fuzz: no target $target (no $program)" >&2; exit 2; }
  corpus=$build/corpus/$target
  findings=$build/findings/$target
  mkdir -p "$corpus" "$findings"
  echo "== $target: $seconds s"
  log=$build/$target.log
  # The first folder grows; the seeds are read only.
  if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix="$findings/" "$corpus" "tests/fuzz/seeds/$target" \
    >"$log" 2>&1; then
    grep -E "^(stat::number_of_executed_units|Done)" "$log" || true
  else
    found+=("$target")
    cat >&2 <<HELP

$target: a finding, in $findings/ (the whole log: $log). What libFuzzer says of it:
$(grep -aE "doesn't hold|what\(\)|ERROR:|^ +#[0-9]+ .* in millrace|^SUMMARY|^Base64|runtime error" "$log" | head -n 25 | cut -c1-2000)
To turn it into a regression seed:
  $program FILE                                       see it again
  $program -minimize_crash=1 -runs=100000 FILE        make it small
  cp FILE tests/fuzz/seeds/$target/NAME_OF_THE_BUG    the tests of every preset replay it from now on
HELP
  fi
done

if ((${#found[@]} > 0)); then
  echo "fuzz: findings in: ${found[*]}" >&2
  exit 1
fi
