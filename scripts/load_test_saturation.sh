#!/usr/bin/env bash
# As much as a running gateway takes, by wrk: a closed loop, whose latencies are those of clients that
# wait. The queue may be full at times, which is answered 503, and only what was accepted counts. Fails
# when a connection failed, more than 1 % of the answers weren't 200, or a message wasn't worked off.
#
#   scripts/load_test_saturation.sh [SECONDS [CONNECTIONS]]     10 and 32
#
# API_URL names another gateway than the one .env and the environment describe.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/gateway.sh"

seconds=${1:-10}
connections=${2:-32}
command -v wrk >/dev/null || die "wrk is missing: run 'scripts/install-deps.sh bench'"
find_gateway

title "$connections connections for $seconds s to $API_URL"
counts_before
output=$(wrk -t1 "-c$connections" "-d${seconds}s" -s bench/load/saturation.lua \
  "$API_URL/api/v1/ingest") || die "wrk failed: $output"
result=$(sed -n 's/^RESULT //p' <<<"$output")
# Field by field of {"requests":12345,...}.
awk -F'[{},]' '{
  for (i = 1; i <= NF; i++) if (split($i, pair, ":") == 2) {
    gsub(/"/, "", pair[1]); value[pair[1]] = pair[2]
  }
  errors = value["connect"] + value["read"] + value["write"] + value["timeout"]
  accepted = value["requests"] - value["status"]
  printf "accepted/s  %.0f\n", accepted / value["seconds"]
  printf "p50, p99    %.2f ms, %.2f ms\n", value["p50_us"] / 1000, value["p99_us"] / 1000
  printf "failed      %d connections, %d of %d answers\n", errors, value["status"], value["requests"]
  exit errors > 0 || accepted < 0.99 * value["requests"] || value["requests"] == 0
}' <<<"$result" || die 'load test failed: too many weren'"'"'t accepted (is the queue full? QUEUE_SIZE)'
expect_worked_off
