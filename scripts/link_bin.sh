#!/usr/bin/env bash
# Makes bin/NAME of the release build's executables: scripts/link_bin.sh NAME...
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

mkdir -p bin
for name in "$@"; do ln -sfn "../build/release/bin/$name" "bin/$name"; done
