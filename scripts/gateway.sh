# shellcheck shell=bash
# The gateway that the load tests are run against. Sourced instead of lib.sh by them:
#
#   find_gateway; counts_before; ...; expect_worked_off
#
# API_URL names another gateway than the one .env and the environment describe.

source "$(dirname -- "${BASH_SOURCE[0]}")/services.sh"

# Sets API_URL to where a ready gateway is, or ends the script.
find_gateway() {
  if [[ -z ${API_URL:-} ]]; then
    read_addresses
    API_URL=${urls[api-gateway]}
  fi
  # Some tools take no name that resolves to an address nobody listens at.
  API_URL=${API_URL/localhost/127.0.0.1}
  curl -fs -o /dev/null -m 2 "$API_URL/readyz" ||
    die "no gateway is ready at $API_URL: start one with 'make run-local', or set API_URL"
}

counted=
counts_before() { counted=$(bench/load/worked_off.py "$API_URL") || exit 1; }

# All that was accepted since counts_before is worked off, or the script ends.
expect_worked_off() {
  # shellcheck disable=SC2086  # two numbers
  bench/load/worked_off.py "$API_URL" $counted ||
    die 'load test failed: what was accepted was not processed (or other clients sent meanwhile)'
}
