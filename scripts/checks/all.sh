#!/usr/bin/env bash
# Runs every check of this folder, also after one failed, and sums up.
set -uo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"

passed=0
failed=()
for check in scripts/checks/*; do
  [[ -x $check && ! $check -ef "${BASH_SOURCE[0]}" ]] || continue
  start=$(now_ms)
  if output=$("$check" 2>&1); then
    passed=$((passed + 1))
    printf '%sok%s      %s (%d ms)\n' "$green" "$plain" "$output" $(($(now_ms) - start))
  else
    failed+=("$check")
    printf '%sFAILED%s  %s\n%s\n' "$red" "$plain" "$check" "$output"
  fi
done
for check in "${failed[@]}"; do say "failed: $check"; done
say "checks: $passed passed, ${#failed[@]} failed"
((${#failed[@]} == 0))
