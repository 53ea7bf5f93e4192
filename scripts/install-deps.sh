#!/usr/bin/env bash
# Installs what is missing to build, test, check or bench on Debian 12. Safe to repeat; when nothing
# is missing it asks dpkg once and says nothing.
#
#   scripts/install-deps.sh [build|test|servers|kafka|check|bench|micro|go|docker]...     all but the last when none is named
#
# SKIP_DEPS=1 skips it, for machines that get the packages in another way.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

build=(g++ cmake ninja-build make pkg-config ccache mold git ca-certificates curl python3
  libboost1.81-dev libprotobuf-dev protobuf-compiler prometheus-cpp-dev zlib1g-dev libzstd-dev
  libconcurrentqueue-dev nlohmann-json3-dev libspdlog-dev libsimdjson-dev catch2 libbenchmark-dev
  libmimalloc-dev libnats-dev librdkafka-dev libxxhash-dev libgrpc++-dev protobuf-compiler-grpc libssl-dev)
test=(prometheus prometheus-alertmanager openssl zstd python3-grpcio python3-protobuf python3-yaml)
servers=(nats-server)
kafka=(default-jre-headless maven) # what install-servers.sh needs
check=(clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev llvm-14 gcovr shellcheck
  prometheus prometheus-alertmanager python3-yaml systemd) # promtool, amtool, systemd-analyze
bench=(wrk nginx-light apache2-utils linux-perf heaptrack)
micro=(libtbb-dev uuid-dev) # rivals of make bench
go=(golang-go) # for install-tools.sh
docker=(docker.io iptables debootstrap) # an engine, and what stand-in images are made with

wanted() {
  local group
  for group in "$@"; do
    case $group in
      build) printf '%s\n' "${build[@]}" ;;
      test) printf '%s\n' "${test[@]}" ;;
      servers) printf '%s\n' "${servers[@]}" ;;
      kafka) printf '%s\n' "${kafka[@]}" ;;
      check) printf '%s\n' "${check[@]}" ;;
      bench) printf '%s\n' "${bench[@]}" ;;
      micro) printf '%s\n' "${micro[@]}" ;;
      go) printf '%s\n' "${go[@]}" ;;
      docker) printf '%s\n' "${docker[@]}" ;;
      *) die "install-deps: no group '$group'; there are build, test, servers, kafka, check, bench, micro, go and docker" ;;
    esac
  done
}

# Those of $@ that aren't installed.
missing_of() {
  local -A have=()
  local package status
  while read -r package status; do
    [[ $status == installed ]] && have[$package]=1
  done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null)
  for package in "$@"; do
    [[ -v have[$package] ]] || printf '%s\n' "$package"
  done
}

require_debian_12() {
  local name='an unknown system'
  if [[ -r /etc/os-release ]]; then
    name=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-$ID}")
    (. /etc/os-release && [[ ${ID:-} == debian && ${VERSION_ID:-} == 12 ]]) && return
  fi
  die "install-deps: this knows Debian 12 (bookworm) only, and here is $name.
Install the equivalents of these yourself, then set SKIP_DEPS=1:
  $*"
}

# Fills as_root with what makes a command run as root.
find_root() {
  as_root=()
  ((EUID == 0)) && return
  command -v sudo >/dev/null || die "install-deps: not root, and there is no sudo. As root, run:
  apt-get update && apt-get install --no-install-recommends $*"
  as_root=(sudo)
  # Without a terminal nobody could type a password: fail instead of waiting.
  [[ -t 0 ]] || as_root+=(-n)
}

# nginx, prometheus, its Alertmanager and nats-server are tools here. Debian would start them as
# services now and at each boot.
policy=/usr/sbin/policy-rc.d
held=
hold_services() {
  [[ -e $policy ]] && return
  held=1
  trap release_services EXIT
  printf '#!/bin/sh\n# For the time of one install-deps.sh: no service is started.\nexit 101\n' |
    "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
}
release_services() {
  [[ -z $held ]] || "${as_root[@]}" rm -f "$policy"
  held=
}
disable_services() {
  [[ -d /run/systemd/system ]] || return 0
  local package
  for package in "$@"; do
    case $package in
      nginx-light) "${as_root[@]}" systemctl disable --quiet nginx || true ;;
      nats-server) "${as_root[@]}" systemctl disable --quiet nats-server || true ;;
      prometheus | prometheus-alertmanager)
        "${as_root[@]}" systemctl disable --quiet "$package" || true
        ;;
    esac
  done
}

# Quiet, and patient with another apt at work: what it says goes to $log, its status lines to stdout.
# As descriptor 3, made on root's side of sudo, because apt doesn't block on that one and whatever
# shares it with apt would find its own output refused.
apt() {
  # shellcheck disable=SC2016  # the inner shell expands it
  "${as_root[@]}" sh -c 'exec 3>&1 >>"$0" 2>&1; exec "$@"' "$log" \
    env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y \
    -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -o APT::Status-Fd=3 "$@"
}

# Makes apt's status lines (kind:package:percent:words) one moving line, or in a log a line each
# fifth.
show_progress() {
  local line kind percent shown=
  while IFS= read -r line; do
    [[ $line =~ ^(dl|pm)status:[^:]*:([0-9]+) ]] || continue
    [[ ${BASH_REMATCH[1]} == dl ]] && kind=fetched || kind=installed
    percent=${BASH_REMATCH[2]}
    if [[ -t 1 ]]; then
      printf '\r  %s %3d %% ' "$kind" "$percent"
    elif [[ $kind$((percent / 20)) != "$shown" ]]; then
      shown=$kind$((percent / 20))
      printf '  %s %d %%\n' "$kind" "$percent"
    fi
  done
  if [[ -t 1 ]]; then printf '\r%40s\r' ''; fi
}

failed() {
  grep -E '^(E:|W:|Err:|dpkg: error)' "$log" | head -n 12 | sed 's/^/  /' >&2 || true
  die "install-deps: 'apt-get $1' failed (all it said: $log).
Is the network there, and does /etc/apt name bookworm's main? Then run this again."
}

install() {
  log=$(mktemp -t millrace-install-deps.XXXXXX)
  say "install-deps: missing: $*"
  say '  reading the package lists'
  apt update >/dev/null || failed update
  hold_services
  apt install --no-install-recommends "$@" | show_progress || failed install
  release_services
  disable_services "$@"
  rm -f "$log"
  say 'install-deps: done'
}

[[ -n ${SKIP_DEPS:-} ]] && exit 0
(($#)) || set -- build test servers kafka check bench micro go
list=$(wanted "$@" | sort -u) # groups have some in common
mapfile -t all <<<"$list"
mapfile -t missing < <(missing_of "${all[@]}")
((${#missing[@]})) || exit 0
require_debian_12 "${missing[@]}"
find_root "${missing[@]}"
install "${missing[@]}"
