#!/usr/bin/env bash
# Flame graphs of all services under load; QUEUE and options as scripts/profile.sh has them.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

exec scripts/profile.sh api-gateway ingest processor grpc-server "$@"
