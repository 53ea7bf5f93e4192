#!/usr/bin/env bash
# Requests at a constant rate against a running gateway, timed from when each was due; fails unless
# the rate was held, every answer was 200 and every message was worked off.
#
#   scripts/load_test_open.sh [RATE [SECONDS]] [OPTION_OF_OPEN_LOOP]...     10000 and 10
#
# API_URL names another gateway than the one .env and the environment describe.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/gateway.sh"

rate=${1:-10000}
seconds=${2:-10}
shift $(($# < 2 ? $# : 2))
tool=build/release/bin/open_loop
[[ -x $tool ]] || die "open_loop is missing: run 'scripts/build.sh release open_loop'"
find_gateway

title "$rate requests/s for $seconds s to $API_URL"
counts_before
code=0
"$tool" --url "$API_URL" --rate "$rate" --seconds "$seconds" "$@" || code=$?
((code != 2 && code != 3)) || exit "$code"
expect_worked_off
exit "$code"
