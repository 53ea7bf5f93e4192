#!/usr/bin/env bash
# Builds the test tools that Debian doesn't have, from the Go module proxy, into a cache folder
# outside the tree. Says nothing when all is there. With --go it prints the Go command it would use.
#
#   scripts/install-tools.sh grpcurl|ghz|k6|benthos-4.45.1|h2spec|protoc-gen-go|protoc-gen-go-grpc|
#                            nats-server|docker-compose|docker-buildx...
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

declare -A modules=(
  [grpcurl]=github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
  [protoc-gen-go]=google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
  [protoc-gen-go-grpc]=google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1
  [ghz]=github.com/bojand/ghz/cmd/ghz@v0.93.0
  [k6]=go.k6.io/k6@v1.8.1
  [benthos-4.45.1]=./bench/e2e/benthos
  [nats-server]=github.com/nats-io/nats-server/v2@v2.15.2
  [h2spec]=github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
  [docker-compose]=github.com/docker/compose/v2@v2.40.3
  [docker-buildx]=github.com/docker/buildx@v0.29.1
)
# What they need at least, and what is fetched when the machine has less: for this kind of machine only.
readonly go_minor=25
readonly go_module=golang.org/toolchain@v0.0.1-go1.25.4.linux-amd64

cache=${XDG_CACHE_HOME:-$HOME/.cache}/millrace
tools=$cache/tools

# Debian's Go is old, but it can fetch a newer one, which is a module like any other.
find_go() {
  local version folder
  version=$(go env GOVERSION 2>/dev/null || true)
  if [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= go_minor)); then
    command -v go
    return
  fi
  [[ $(uname -sm) == 'Linux x86_64' ]] ||
    die "install-tools: install Go 1.$go_minor or newer: it is fetched for Linux on x86_64 only"
  "$root/scripts/install-deps.sh" go >&2
  folder=$(cd "$(mktemp -d)" && go mod download -json "$go_module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [[ -n $folder ]] || die "install-tools: Go 1.$go_minor can't be fetched from the module proxy"
  chmod +x "$folder"/bin/* "$folder"/pkg/tool/*/* # modules carry no permissions
  printf '%s' "$folder/bin/go"
}

# Docker's plugins can't be installed by name, since their modules replace others.
readonly -A packages=([docker-compose]=./cmd [docker-buildx]=./cmd/buildx)

# build_copy TOOL FOLDER: as a checkout of its own, for the cache is read-only.
build_copy() {
  local source
  source=$("$go" mod download -json "${modules[$1]}" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  cp -r "$source" "$2/source" && chmod -R u+w "$2/source"
  "$go" build -C "$2/source" -o "$2/$1" "${packages[$1]}"
}

# build TOOL FOLDER: a module by name and version, or one of ours with what it requires.
build() {
  if [[ -v packages[$1] ]]; then
    build_copy "$@"
    return
  fi
  case ${modules[$1]} in
    ./*) "$go" build -C "$root/${modules[$1]}" -o "$2/$1" . ;;
    *) GOBIN=$2 "$go" install "${modules[$1]}" ;;
  esac
}

# install TOOL: whole or not at all.
install() {
  local tool=$1 work
  work=$(mktemp -d "$cache/building.XXXXXX")
  say "install-tools: building ${modules[$tool]}" >&2
  if ! GOTOOLCHAIN=local GOFLAGS=-buildvcs=false build "$tool" "$work" >"$work/log" 2>&1; then
    tail -n 12 "$work/log" >&2
    rm -rf "$work"
    die "install-tools: $tool can't be built. Is the network there? Then run this again."
  fi
  mkdir -p "$tools"
  mv "$work/$tool" "$tools/$tool"
  rm -rf "$work"
}

mkdir -p "$cache"
if [[ ${1:-} == --go ]]; then
  find_go
  exit
fi
go=
for tool in "$@"; do
  [[ -v modules[$tool] ]] || die "install-tools: no tool '$tool'; there are ${!modules[*]}"
  [[ -x $tools/$tool ]] && continue
  [[ -n $go ]] || go=$(find_go)
  install "$tool"
done
