#!/usr/bin/env bash
# The integration tests of the composite queue: scripts/test-composite-integration.sh [ctest's arguments]...
# With brokers that are up already (MILLRACE_TEST_NATS, MILLRACE_TEST_KAFKA) it leaves out what would
# kill them; otherwise it starts its own.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

scripts/install-deps.sh build test servers kafka
scripts/install-servers.sh
exec scripts/test.sh release -L integration -R '^composite_' "$@"
