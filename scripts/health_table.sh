# shellcheck shell=bash
# How services are, as a table. Sourced after lib.sh.
# shellcheck disable=SC2154  # the colours are those of lib.sh
#
# A line for each service, in blanks-separated fields of which the last may have blanks itself:
#
#   SERVICE STATE LATENCY ADDRESS [REASON]
#
# STATE is healthy, warning, unhealthy or no-answer; LATENCY is - when there was no answer.

# health_line NAME ADDRESS SAID [SERVICE]: such a line of what `SERVICE --healthcheck` said.
health_line() {
  local service=$1 address=$2 said=${3#"${4:-$1}: "} state=no-answer latency=- reason
  if [[ $said =~ ^(healthy|warning|unhealthy)(: (.*))?,\ ([0-9.]+)\ ms$ ]]; then
    state=${BASH_REMATCH[1]} reason=${BASH_REMATCH[3]} latency=${BASH_REMATCH[4]}ms
  else
    reason=${said##*/health: }
  fi
  printf '%s %s %s %s %s\n' "$service" "$state" "$latency" "$address" "$reason"
}

# Reads such lines and shows them. 1 when a service is neither healthy nor warns.
health_table() {
  local service state latency address reason color bad=0 widest=7 longest=12
  local -a rows=()
  while read -r service state latency address reason; do
    rows+=("$service" "$state" "$latency" "$address" "$reason")
    ((${#address} <= widest)) || widest=${#address}
    ((${#service} <= longest)) || longest=${#service}
  done
  printf "%s%-${longest}s %-10s %9s  %-${widest}s %s%s\n" "$bold" SERVICE STATE LATENCY ADDRESS REASON "$plain"
  set -- "${rows[@]}"
  while (($# > 0)); do
    case $2 in
      healthy) color=$green ;;
      warning) color=$yellow ;;
      *) color=$red bad=1 ;;
    esac
    printf "%-${longest}s %s%-10s%s %9s  %-${widest}s %s\n" "$1" "$color" "$2" "$plain" "$3" "$4" "$5"
    shift 5
  done
  return "$bad"
}
