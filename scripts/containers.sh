# shellcheck shell=bash
# What the scripts for containers share. Sourced instead of lib.sh:
#
#   need_engine; queue=$(queue_in_effect); mapfile -t profiles < <(profiles_for "$queue")

source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck disable=SC2034  # for those who source this
readonly services=(api-gateway grpc-server ingest processor) # as messages flow
readonly compose_at_least=2.24
readonly kernel_at_least=5.14 # net.ipv4.tcp_migrate_req
# A build takes some 3 GB, and brokers and Prometheus want room to write.
# shellcheck disable=SC2034
readonly disk_at_least_mb=${DISK_AT_LEAST_MB:-4096}

compose() { docker compose "$@"; }
# With every profile: for what is to reach all that may be there.
compose_all() { docker compose --profile '*' "$@"; }

# at_least WANTED HAD: by version.
at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# One line, and nothing done, when containers can't be had here.
need_engine() {
  local version kernel
  command -v docker >/dev/null || die "docker is missing: install Docker Engine 20.10 or newer \
(Debian: apt-get install docker.io), or run Millrace without it: make run-local"
  version=$(docker compose version --short 2>/dev/null) ||
    die "docker compose is missing: install Docker's Compose plugin, $compose_at_least or newer"
  at_least "$compose_at_least" "${version#v}" ||
    die "docker compose is $version: install $compose_at_least or newer"
  engine_answers || die "no Docker engine answers at ${DOCKER_HOST:-unix:///var/run/docker.sock}: \
start it (systemctl start docker), or ask for the right to use it (group docker)"
  kernel=$(docker info --format '{{.KernelVersion}}')
  at_least "$kernel_at_least" "$kernel" || die "the engine's Linux is $kernel: $kernel_at_least is needed"
}

# need_disk MB: where the engine keeps its data, if that is on this machine.
need_disk() {
  local folder free_mb wanted_mb=$1
  folder=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) && [[ -d $folder ]] || return 0
  free_mb=$(df --output=avail -B 1M "$folder" | tail -n 1)
  ((free_mb >= wanted_mb)) ||
    die "$folder has $free_mb MB free, and $wanted_mb are needed: 'docker system prune' frees some"
}

# yes NAME: whether that variable is 1; ends the script when it is neither 1 nor 0 nor empty.
yes() {
  case ${!1:-0} in
    0) return 1 ;;
    1) return 0 ;;
    *) die "$1 is '${!1}': 1 and 0 are allowed" ;;
  esac
}

# QUEUE_TYPE as the environment or .env has it, checked.
queue_in_effect() {
  local settings queue
  settings=$(compose config) || exit 1
  queue=$(sed -nE 's/^ +QUEUE_TYPE: "?([^"]*)"?$/\1/p' <<<"$settings" | head -n 1)
  case $queue in
    memory | nats | kafka | composite) printf '%s' "$queue" ;;
    *) die "QUEUE_TYPE is '$queue': memory, nats, kafka and composite are allowed" ;;
  esac
}

# The arguments of compose that bring that queue's brokers.
profiles_for() { [[ $1 == memory ]] || printf '%s\n' --profile "$1"; }

# keep_settings_of ID...: what neither the environment nor .env says stays as these containers have it,
# so that a deploy from another shell changes nothing but the images.
keep_settings_of() {
  local id line name unsaid
  unsaid=" $(compose config | sed -nE 's/^      ([A-Z_]+): null$/\1/p' | sort -u | tr '\n' ' ') "
  [[ -n ${QUEUE_TYPE:-} ]] || grep -qsE '^[[:space:]]*(export[[:space:]]+)?QUEUE_TYPE[[:space:]]*=' .env ||
    unsaid+='QUEUE_TYPE '
  for id in "$@"; do
    while IFS= read -r line; do
      name=${line%%=*}
      [[ $line != ?*=* || $unsaid != *" $name "* ]] || export "$name=${line#*=}"
    done < <(docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$id")
  done
}

# Where things are published on this machine: NAME PORT lines.
published_ports() {
  compose config | awk '/^[^ ]/ { on = /^x-published:/ } on && NF == 2 { gsub(/[:"]/, ""); print $1, $2 }'
}

# need_ports NAME...: none of them is taken.
need_ports() {
  local name port taken=0
  while read -r name port; do
    [[ " $* " != *" $name "* ]] || check_port "the containers" "$name" "$port" || taken=1
  done < <(published_ports)
  ((taken == 0)) || exit 1
}

# running [SERVICE]: the ids of its containers that run.
# shellcheck disable=SC2120
running() { compose_all ps --quiet --status running "$@" 2>/dev/null || true; }

# existing [SERVICE]: the same, whether they run or not.
# shellcheck disable=SC2120
existing() { compose_all ps --all --quiet "$@" 2>/dev/null || true; }

# those_but "ID ID" [SERVICE]: of those that exist, the others.
those_but() {
  local id known=" ${1//$'\n'/ } "
  shift
  for id in $(existing "$@"); do [[ $known == *" $id "* ]] || printf '%s\n' "$id"; done
}

name_of() { docker inspect --format '{{slice .Name 1}}' "$1"; }

# "healthy", "unhealthy", "starting"; without a health check "running", and "exited" or so otherwise.
state_of() {
  docker inspect --format '{{if and (eq .State.Status "running") .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$1"
}

# Why a container isn't well: what its last health check said, or else the last line of its log.
reason_of() {
  local said
  said=$(docker inspect --format '{{with .State.Health}}{{range .Log}}{{println .Output}}{{end}}{{end}}' "$1" |
    grep . | tail -n 1) || said=$(docker logs --tail 1 "$1" 2>&1 | tail -n 1)
  printf '%s' "$said"
}

# Names those that aren't well, each with its reason.
say_who_is_unwell() {
  local id state
  # shellcheck disable=SC2119
  for id in $(existing); do
    state=$(state_of "$id")
    [[ $state == healthy || $state == running ]] ||
      say "  $(name_of "$id") is $state: $(reason_of "$id")" >&2
  done
}

# drain_away ID...: each has the time it needs to finish what it was given, and is removed.
drain_away() {
  (($# == 0)) || { docker stop "$@" && docker rm --force "$@"; } >/dev/null
}

# Where a container is reached from this machine (Linux only); of one that shares another's address,
# there.
address_of() {
  local id=$1 mode
  mode=$(docker inspect --format '{{.HostConfig.NetworkMode}}' "$id")
  [[ $mode != container:* ]] || id=${mode#container:}
  docker inspect --format '{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}' "$id" |
    grep . | head -n 1
}

# setting_of ID NAME: as the container has it.
setting_of() {
  docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$1" | sed -n "s/^$2=//p"
}

project_name() { compose config | sed -nE 's/^name: "?([^"]+)"?$/\1/p'; }

# The project's volumes that exist.
volumes_of_project() {
  docker volume ls --quiet --filter "label=com.docker.compose.project=$(project_name)"
}

# millrace_nats-data: nats-data
short_name() { docker volume inspect --format '{{index .Labels "com.docker.compose.volume"}}' "$1"; }

readonly holder_image=millrace/processor:${MILLRACE_TAG:-local}
# A container that has the volume at /volume and never starts: `docker cp` needs no more, and so no
# image with a shell.
holder_of() {
  docker create --pull never --volume "$1:/volume" --network none "$holder_image"
}
