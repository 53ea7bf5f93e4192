#!/usr/bin/env bash
# Asks each service for its health. Exit 0 when all of them are well.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/services.sh"

read_addresses
bad=0
for service in "${flow[@]}"; do
  code=$(curl -s -o /dev/null -m 3 -w '%{http_code}' "${urls[$service]}/health" || true)
  case $code in
    200) say "${green}healthy${plain}     $service  ${urls[$service]}" ;;
    000) say "${red}no answer${plain}   $service  ${urls[$service]}" && bad=1 ;;
    *) say "${red}says $code${plain}    $service  ${urls[$service]}" && bad=1 ;;
  esac
done
exit "$bad"
