#!/usr/bin/env bash
# The report and its plots are what the committed records give: nobody edits a figure.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"

exec bench/report/render.py --check
