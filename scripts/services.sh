# shellcheck shell=bash
# Starts, awaits and stops the four executables. Sourced instead of lib.sh by those who run them:
#
#   read_addresses; check_ports; start_services LOG_DIR; await_ready 15; ...; stop_services 35
#
# They run in the caller's working directory, each in a session of its own, so that a Ctrl-C reaches
# the script alone and the order of stopping is the script's; the kernel sends them a SIGTERM when
# the script dies in any other way.

source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly flow=(api-gateway grpc-server ingest processor) # as messages flow, and so the order of draining
readonly upstream_first=(processor ingest grpc-server api-gateway)
declare -A pids=()  # of those that run
declare -A codes=() # exit codes of those that ran
logs=               # where they log to

# setting SERVICE NAME: its effective value, as the executable itself reads it (read_addresses).
declare -A effective=()
setting() { sed -n "s/^$2=//p" <<<"${effective[$1]}"; }

# Where it is asked over HTTP.
port_variable() {
  case $1 in
    grpc-server) echo GRPC_METRICS_PORT ;;
    api-gateway) echo API_PORT ;;
    ingest) echo INGEST_PORT ;;
    processor) echo PROCESSOR_PORT ;;
  esac
}

# Where a client on this machine reaches each.
declare -A urls=()

# Reads the settings, which checks them too. Ends the script when one is wrong: the executable has
# said which.
read_addresses() {
  local service variable address port
  for service in "${flow[@]}"; do
    [[ -x $root/bin/$service ]] || die "bin/$service is missing: run 'make build' first"
    effective[$service]=$("$root/bin/$service" --check-config) || exit 2
    variable=$(port_variable "$service")
    port=$(setting "$service" "$variable")
    address=$(setting "$service" BIND_ADDRESS)
    case $address in
      0.0.0.0 | ::) address=localhost ;;
      *:*) address="[$address]" ;;
    esac
    urls[$service]=http://$address:$port
  done
}

# check_ports [SERVICE...]: 1 when one of their ports is taken.
check_ports() {
  local service taken=0
  (($# > 0)) || set -- "${flow[@]}"
  for service in "$@"; do
    check_port "$service" "$(port_variable "$service")" "${urls[$service]##*:}" || taken=1
    [[ $service != grpc-server ]] ||
      check_port grpc-server GRPC_PORT "$(setting grpc-server GRPC_PORT)" || taken=1
  done
  return "$taken"
}

# start_services LOG_DIR [SERVICE...]: the processor first, so that whoever is up has what it needs.
start_services() {
  local service
  logs=$1
  shift
  (($# > 0)) || set -- "${upstream_first[@]}"
  mkdir -p "$logs"
  for service in "$@"; do
    : >"$logs/$service.log"
    setsid setpriv --pdeathsig TERM -- "$root/bin/$service" \
      </dev/null >>"$logs/$service.log" 2>&1 &
    pids[$service]=$!
  done
}

# Waits for the end of one, keeps its exit code and says what went wrong, if so.
collect() {
  local service=$1 code=0
  wait "${pids[$service]}" || code=$?
  codes[$service]=$code
  unset "pids[$service]"
}

show_last_lines() {
  say "last lines of $1 ($logs/$1.log):" >&2
  tail -n 10 "$logs/$1.log" | sed 's/^/  /' >&2
}

# await_ready SECONDS: until each answers 200 at /readyz. 1 when one ends before, or time is up.
await_ready() {
  local service start limit
  start=$(now_ms)
  limit=$((start + $1 * 1000))
  for service in "${upstream_first[@]}"; do
    until curl -fs -o /dev/null -m 1 "${urls[$service]}/readyz"; do
      if ! kill -0 "${pids[$service]}" 2>/dev/null; then
        collect "$service"
        say "$service ended with code ${codes[$service]} before it was ready" >&2
        show_last_lines "$service"
        return 1
      fi
      if (($(now_ms) > limit)); then
        say "$service isn't ready after $1 s" >&2
        show_last_lines "$service"
        return 1
      fi
      ((${signals:-0} == 0)) || return 1 # the caller's count of signals
      sleep 0.02 || true
    done
    say "  $service ready after $(($(now_ms) - start)) ms: ${urls[$service]}"
  done
}

signal_services() {
  local pid
  for pid in "${pids[@]}"; do kill "-$1" "$pid" 2>/dev/null || true; done
}

# stop_services SECONDS [SERVICE...]: SIGTERM to each in the order of the flow, waiting for one to end
# before the next is told; SIGKILL to one that takes longer. 1 when a code isn't 0.
stop_services() {
  local patience=$1 service limit clean=0
  shift
  (($# > 0)) || set -- "${flow[@]}"
  for service in "$@"; do
    [[ -v pids[$service] ]] || continue
    limit=$(($(now_ms) + patience * 1000))
    kill -TERM "${pids[$service]}" 2>/dev/null || true
    while kill -0 "${pids[$service]}" 2>/dev/null; do
      if (($(now_ms) > limit)); then
        say "  $service didn't end within $patience s: killed" >&2
        kill -KILL "${pids[$service]}" 2>/dev/null || true
        break
      fi
      sleep 0.02 || true
    done
    collect "$service"
    if ((codes[$service] == 0)); then
      say "  $service drained"
    else
      say "  $service ended with code ${codes[$service]}" >&2
      show_last_lines "$service"
      clean=1
    fi
  done
  return "$clean"
}
