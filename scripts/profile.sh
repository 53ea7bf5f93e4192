#!/usr/bin/env bash
# Flame graphs of services under load, into results/profiles/:   scripts/profile.sh SERVICE [OPTION]...
# QUEUE=memory (nats, kafka, composite; commas between several) and bench/profile/profile_services.py's
# options, such as --seconds 5 or --kind cpu.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

[[ ${1:-} == [a-z]* ]] ||
  die 'usage: scripts/profile.sh api-gateway|ingest|processor|grpc-server [OPTION]...'
queue=${QUEUE:-memory}
scripts/install-deps.sh build test bench
if [[ $queue == *nats* || $queue == *composite* ]]; then scripts/install-deps.sh servers; fi
if [[ $queue == *kafka* || $queue == *composite* ]]; then
  scripts/install-deps.sh kafka
  scripts/install-servers.sh
fi
scripts/build.sh release api-gateway ingest processor grpc-server grpc_stream_client
exec bench/profile/profile_services.py "$@" --queue "$queue"
