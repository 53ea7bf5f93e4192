#!/usr/bin/env bash
# Makes an image's root directory: an executable, the shared libraries it needs and
# CA certificates.   docker/image_root.sh EXECUTABLE ROOT
set -euo pipefail

executable=$1
root=$2

# What the loader would load, itself included, as it finds it.
libraries() { ldd "$1" | sed -nE 's/^.* => (\/[^ ]+) .*$/\1/p; s/^[[:space:]]*(\/[^ ]+) .*$/\1/p'; }

mkdir -p "$root/etc/ssl/certs"
install -s -m 755 "$executable" "$root/$(basename "$executable")"
libraries "$executable" | while read -r library; do
  install -D -m 755 "$(realpath "$library")" "$root$library"
done
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
# glibc asks DNS before /etc/hosts where there is no word on it.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
