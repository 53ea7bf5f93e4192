#!/usr/bin/env bash
# The README's settings table is what the program prints, and .env.example names each setting once
# with its default. --write brings the README up to date.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"

if [[ ! -x bin/api-gateway ]]; then
  # In CI the build comes first, so there it is an error.
  [[ -z ${CI:-} ]] || die "settings_doc: bin/api-gateway is missing; run 'make build' first"
  say "settings_doc: not compared, bin/api-gateway isn't built"
  exit 0
fi
table=$(bin/api-gateway --settings-markdown)

if [[ ${1:-} == --write ]]; then
  awk -v table="$table" '
    /^<!-- \/settings -->$/ { inside = 0 }
    !inside { print }
    /^<!-- settings -->$/ { inside = 1; print table }' README.md >README.md.new
  mv README.md.new README.md
fi

readme=$(sed -n '/^<!-- settings -->$/,/^<!-- \/settings -->$/p' README.md | sed '1d;$d')
diff -u --label README.md --label 'api-gateway --settings-markdown' \
  <(printf '%s\n' "$readme") <(printf '%s\n' "$table") >&2 ||
  die "settings_doc: README.md is behind; run 'scripts/checks/settings_doc.sh --write'"

# NAME=default; a default in words (no backticks) is an empty value.
declared=$(awk -F ' [|] ' '/^[|] `/ {
  gsub(/[|` ]/, "", $1)
  print $1 "=" ($2 ~ /^`.*`$/ ? substr($2, 2, length($2) - 2) : "") }' <<<"$table" | sort)
example=$(sed -nE 's/^# ?([A-Z][A-Z0-9_]*=.*)$/\1/p' .env.example | sort)
diff -u --label .env.example --label 'api-gateway --settings-markdown' \
  <(printf '%s\n' "$example") <(printf '%s\n' "$declared") >&2 ||
  die 'settings_doc: .env.example differs from the settings (above)'
say "settings_doc: README.md and .env.example name all $(wc -l <<<"$declared") settings"
