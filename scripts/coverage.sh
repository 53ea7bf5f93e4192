#!/usr/bin/env bash
# Runs the tests instrumented, prints the line coverage of internal/ and writes its HTML report.
# Fails below MIN_COVERAGE percent (85).
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

out=build/coverage/html
# Counts of an earlier run would add up.
[[ -d build/coverage ]] && find build/coverage -name '*.gcda' -delete
scripts/test.sh coverage "$@" && tests=0 || tests=1
[[ -d build/coverage/internal ]] || exit 1

title 'line coverage of internal/'
rm -rf "$out"
mkdir -p "$out"
gcovr --root . --object-directory build/coverage --filter internal/ --exclude '.*(_test\.cpp|/test_[^/]*)$' \
  -j "$(nproc)" --html-details "$out/index.html" --txt "$out/coverage.txt" --print-summary \
  --fail-under-line "${MIN_COVERAGE:-85}" >"$out/summary.txt" 2>"$out/gcovr.log" && code=0 || code=$?
# By file, the emptiest first; then the totals.
sed -n 's/^\(internal[^ ]*\) .* \([0-9]*\)%.*/\2 \1/p' "$out/coverage.txt" | sort -n | head -n 10 |
  sed 's/^/  /; s/ internal/ %  internal/'
cat "$out/summary.txt"
say "report: $out/index.html"
((code == 0)) || {
  tail -n 3 "$out/gcovr.log" >&2
  die "line coverage of internal/ is below ${MIN_COVERAGE:-85} %"
}
((tests == 0)) || die 'some of the tests failed (above the table)'
