#!/usr/bin/env bash
# Our shell scripts give shellcheck nothing to say.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"

mapfile -t files < <(tree_files '*.sh' .ci/run)
shellcheck "${files[@]}" || die 'shellcheck: see above; https://www.shellcheck.net/wiki/ explains each'
say "shellcheck: ${#files[@]} scripts without a finding"
