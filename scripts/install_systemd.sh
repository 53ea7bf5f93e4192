#!/usr/bin/env bash
# Puts the services under systemd, or takes them away again:
#
#   scripts/install_systemd.sh install [--root DIR] [--dry-run]
#   scripts/install_systemd.sh uninstall [--purge] [--root DIR] [--dry-run]
#
# install copies executables and units, makes the processor's user and, where there is none, the file
# of the settings; it starts nothing that isn't running. Repeated, it replaces what an older one
# brought. uninstall stops the services and removes them; settings, results and the user stay, unless
# --purge. --root does so below DIR, for packages and tests: as anyone, and systemd isn't told.
# Executables come from bin/, or from MILLRACE_BIN.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly services=(api-gateway ingest processor grpc-server)
readonly source_dir=deploy/systemd
readonly executables=${MILLRACE_BIN:-bin}
readonly units=/etc/systemd/system
readonly common=$units/millrace-.service.d/10-common.conf
readonly sysusers=/etc/sysusers.d/millrace.conf
readonly settings=/etc/millrace/millrace.env

usage() { die 'usage: install_systemd.sh install|uninstall [--purge] [--root DIR] [--dry-run]'; }

parse() {
  verb=${1:-} into='' dry_run='' purge=''
  [[ $verb == install || $verb == uninstall ]] || usage
  shift
  while (($#)); do
    case $1 in
      --root)
        [[ -d ${2:-} ]] || die "install_systemd: --root wants a folder that is there, not '${2:-}'"
        into=$(cd -- "$2" && pwd)
        into=${into%/}
        shift
        ;;
      --dry-run) dry_run=1 ;;
      --purge)
        [[ $verb == uninstall ]] || usage
        purge=1
        ;;
      *) usage ;;
    esac
    shift
  done
}

# do_it COMMAND...: runs it, or with --dry-run says so.
do_it() {
  if [[ -n $dry_run ]]; then
    say "would run: $*"
  else
    "$@"
  fi
}

unit_names() {
  printf 'millrace-%s.service\n' "${services[@]}"
  say millrace.target
}

# What belongs to the programs, a line each: mode, source, destination.
files() {
  local service unit
  for service in "${services[@]}"; do
    say "755 $executables/$service /usr/local/bin/$service"
  done
  for unit in $(unit_names); do say "644 $source_dir/$unit $units/$unit"; done
  say "644 $source_dir/millrace-.service.d/10-common.conf $common"
  say "644 $source_dir/millrace.sysusers $sysusers"
}

# Ends the script before anything is touched.
check() {
  local mode from to
  if [[ -z $into ]]; then
    [[ -d /run/systemd/system ]] ||
      die 'install_systemd: systemd is missing, or not what started this machine; see --root'
    ((EUID == 0)) || [[ -n $dry_run ]] || die 'install_systemd: not root: run it with sudo'
  fi
  while read -r mode from to; do
    [[ $verb == uninstall || -f $from ]] ||
      die "install_systemd: $from is missing: run 'make build' first"
    [[ ! -d $into$to ]] || die "install_systemd: $into$to is a folder"
  done < <(files)
}

# The settings file: all of them, each with its default, commented out.
settings_text() {
  cat <<'TEXT'
# Settings of all Millrace services on this machine; /etc/millrace/SERVICE.env, where it is there,
# holds those of one (processor.env, say) and wins. Each is shown with its default: take the `#`
# away to change one, then `systemctl restart millrace.target`. In file names write paths whole.
# ingest and the processor listen on 127.0.0.1, unless BIND_ADDRESS is set for them.
TEXT
  sed '/^#[^A-Z]/d; /^#$/d' .env.example
}

# All is copied beside where it belongs, then renamed: what fails, fails before anything changed,
# and is taken back.
staged=() made=()
discard() {
  local file i
  for file in "${staged[@]}"; do rm -f "$file" || true; done
  for ((i = ${#made[@]} - 1; i >= 0; --i)); do rmdir "${made[i]}" || true; done
  say 'install_systemd: not installed, nothing was changed' >&2
}

make_folder() {
  [[ ! -d $1 ]] || return 0
  make_folder "${1%/*}"
  mkdir "$1"
  made+=("$1")
}

stage() {
  local mode=$1 from=$2 to=$into$3
  make_folder "${to%/*}"
  staged+=("$to.new")
  install -T -m "$mode" "$from" "$to.new"
}

put_files() {
  local mode from to file
  trap discard EXIT
  while read -r mode from to; do stage "$mode" "$from" "$to"; done < <(files)
  if [[ ! -e $into$settings ]]; then
    stage 600 <(settings_text) "$settings"
    chmod 700 "$into${settings%/*}"
  fi
  trap '' INT TERM HUP
  for file in "${staged[@]}"; do mv -fT "$file" "${file%.new}"; done
  trap - EXIT INT TERM HUP
}

show_files() {
  local mode from to
  while read -r mode from to; do say "would install: $into$to (mode $mode) from $from"; done < <(files)
  [[ -e $into$settings ]] || say "would install: $into$settings (mode 600) from .env.example"
}

install_all() {
  [[ -n $into ]] || do_it systemd-sysusers "$root/$source_dir/millrace.sysusers"
  if [[ -n $dry_run ]]; then show_files; else put_files; fi
  [[ -z $into ]] || return 0
  do_it systemctl daemon-reload
  [[ -n $dry_run ]] || cat <<TEXT
installed. Now
  1. write the settings: $settings
  2. systemctl enable --now millrace.target
  3. systemctl status 'millrace*'; journalctl -u 'millrace-*' -f
What runs already goes on as it is until systemctl restart millrace.target.
TEXT
}

# Stops in the order of the flow and waits for the drain; a service that can't be stopped stays.
stop_all() {
  mapfile -t names < <(unit_names)
  do_it systemctl --quiet disable "${names[@]}"
  do_it systemctl stop "${names[@]}" || die 'install_systemd: not stopped, so nothing is removed'
}

uninstall_all() {
  local mode from to paths=()
  while read -r mode from to; do paths+=("$into$to"); done < <(files)
  [[ -n $into || ! -e $units/millrace.target ]] || stop_all
  do_it rm -f "${paths[@]}"
  [[ ! -d $into${common%/*} ]] || do_it rmdir --ignore-fail-on-non-empty "$into${common%/*}"
  if [[ -n $purge ]]; then
    do_it rm -rf "$into${settings%/*}" "$into/var/lib/millrace"
    [[ -n $into ]] || ! getent passwd millrace >/dev/null || do_it userdel millrace
  fi
  [[ -z $into ]] || return 0
  do_it systemctl daemon-reload
  do_it systemctl reset-failed 'millrace*'
  [[ -n $purge ]] || say "kept: ${settings%/*}, /var/lib/millrace, the user millrace (--purge removes them)"
}

parse "$@"
check
"${verb}_all"
