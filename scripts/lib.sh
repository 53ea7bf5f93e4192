# shellcheck shell=bash
# What the scripts share. Sourced first, it finds the checkout as $root and goes there:
#   source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# Those that some script sources both have it once.
[[ ! -v lib_is_here ]] || return 0
readonly lib_is_here=1

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$root" || exit 1

# Colours are for people; a log gets plain text.
if [[ -t 1 ]]; then
  bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
  bold='' red='' green='' yellow='' plain=''
fi
# shellcheck disable=SC2034  # green and yellow are for those who source this
readonly root bold red green yellow plain

say() { printf '%s\n' "$*"; }
title() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }

# die WHAT: says it on stderr and ends the script.
die() {
  printf '%s%s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# The tree as git sees it, new files included, ignored and deleted ones not: tree_files PATTERN...
tree_files() {
  local file
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r file; do
    [[ -f $file ]] && printf '%s\n' "$file"
  done
}

now_ms() { printf '%s' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# check_port SERVICE VARIABLE PORT: says whether it is taken, by whom if that can be seen: 1 then.
check_port() {
  local holder
  (exec 3<>"/dev/tcp/localhost/$3") 2>/dev/null || return 0
  holder=$(ss -Hltnp "sport = :$3" 2>/dev/null |
    sed -nE 's/.*users:\(\("([^"]*)",pid=([0-9]+).*/ by \1 (process \2)/p;q' || true)
  say "port $3 of $1 is taken$holder: stop that, or set $2" >&2
  return 1
}

# `500ms`, `30s`, `2m` or seconds, in whole seconds.
in_seconds() {
  case $1 in
    *ms) echo 1 ;;
    *m) echo $((10#${1%m} * 60)) ;;
    *) echo $((10#${1%s})) ;;
  esac
}
