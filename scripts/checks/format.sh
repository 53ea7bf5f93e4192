#!/usr/bin/env bash
# The C++ sources are as clang-format 14 writes them; --fix makes them so.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"

mapfile -t files < <(tree_files '*.h' '*.cpp')
if [[ ${1:-} == --fix ]]; then
  clang-format-14 -i "${files[@]}"
  exit
fi
# One name per file that would change.
changed=$(clang-format-14 --dry-run "${files[@]}" 2>&1 |
  sed -nE 's/^([^:]+):[0-9]+:[0-9]+: warning.*/\1/p' | sort -u)
if [[ -n $changed ]]; then
  say "$changed" >&2
  die "format: these aren't formatted; run 'make fmt'"
fi
say "format: ${#files[@]} files as they should be"
