#!/usr/bin/env bash
# Drains and takes away all containers, in the order of the flow. What is in volumes stays, unless
# VOLUMES=1 is set.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/containers.sh"

need_engine
arguments=(--remove-orphans)
if yes VOLUMES; then arguments+=(--volumes); fi
# By itself compose would stop the processor with the rest, before its clients are done.
for service in "${services[@]}"; do
  [[ -z $(running "$service") ]] || compose_all stop "$service"
done
compose_all down "${arguments[@]}"
