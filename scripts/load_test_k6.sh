#!/usr/bin/env bash
# A k6 scenario of bench/load/k6 against a running gateway; fails when one of its limits is broken.
#
#   scripts/load_test_k6.sh [SCENARIO [DURATION]]     smoke, load, spike, soak or quick; DURATION (30m, 2h)
#                                                     is soak's
#
# API_URL names another gateway than the one .env and the environment describe.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/gateway.sh"

scenario=${1:-smoke}
duration=${2:-}
folder=bench/load/k6
k6=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/tools/k6
[[ $scenario != common && -f $folder/$scenario.js ]] ||
  die "no scenario '$scenario': there are smoke, load, spike, soak and quick"
[[ -z $duration || $scenario == soak ]] || die "only soak has a DURATION, $scenario has its own"
[[ -x $k6 ]] || die "k6 is missing: run 'scripts/install-tools.sh k6'"
find_gateway

title "k6 $scenario to $API_URL"
"$k6" run --quiet --no-color --no-usage-report --env "API_URL=$API_URL" --env "SCENARIO=$scenario" \
  ${duration:+--env "DURATION=$duration"} "$folder/$scenario.js" ||
  die "load test failed: k6 ended with code $? (99: a limit above was broken)"
