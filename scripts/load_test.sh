#!/usr/bin/env bash
# ApacheBench against a running gateway; fails unless every request was answered with 200 and worked
# off.
#
#   scripts/load_test.sh [REQUESTS [CONNECTIONS]]     1000 and 10
#
# API_URL names another gateway than the one .env and the environment describe.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/gateway.sh"

requests=${1:-1000}
connections=${2:-10}
command -v ab >/dev/null || die "ab is missing: run 'scripts/install-deps.sh bench'"
find_gateway
target=$API_URL/api/v1/ingest

folder=$(mktemp -d -t millrace-load.XXXXXX)
trap 'rm -rf "$folder"' EXIT
printf '{"source":"load-test","data":"%0100d","metadata":{"tool":"ab"}}' 7 >"$folder/body.json"

title "$requests requests over $connections connections to $target"
counts_before
ab -q -k -l -n "$requests" -c "$connections" -p "$folder/body.json" -T application/json \
  -e "$folder/percentiles.csv" "$target" >"$folder/ab.txt" 2>&1 || {
  cat "$folder/ab.txt" >&2
  die 'ab failed (above)'
}
grep -E '^(Complete requests|Failed requests|Non-2xx responses|Time taken|Requests per second)' \
  "$folder/ab.txt"
awk -F, '$1 == 50 || $1 == 90 || $1 == 99 { printf "p%-23s%.2f ms\n", $1 ":", $2 }' \
  "$folder/percentiles.csv"

complete=$(awk '/^Complete requests/ { print $3 }' "$folder/ab.txt")
failed=$(awk '/^Failed requests/ { print $3 }' "$folder/ab.txt")
if [[ $complete != "$requests" || $failed != 0 ]] || grep -q '^Non-2xx' "$folder/ab.txt"; then
  die 'load test failed: not every request was answered with 200'
fi
expect_worked_off
