#!/usr/bin/env bash
# A machine of its own for scripts/test-systemd.sh, which starts this as the first process of new
# namespaces: boot.sh CHECKOUT EXECUTABLES FOLDER. Makes a root in FOLDER of the host's /usr, the
# checkout as /checkout, the executables as /executables, all read-only, and empty folders in memory,
# and becomes systemd there. Nothing of it outlives the namespaces.
set -euo pipefail

checkout=$1 executables=$2 new=$3

# show FROM TO: FROM can be read as TO.
show() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$new"
mkdir -p "$new"/{dev,etc/{ssl,systemd/system},checkout,executables,old,proc,root,run,sys,tmp,usr,var/lib,var/log}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$new"
show /usr "$new/usr"
mount -t tmpfs -o mode=755 tmpfs "$new/usr/local"
mkdir "$new/usr/local/bin"
show "$checkout" "$new/checkout"
show "$executables" "$new/executables"

mount -t proc -o nosuid,nodev,noexec proc "$new/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$new/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$new/sys/fs/cgroup"
for folder in run tmp; do mount -t tmpfs -o mode=1777 tmpfs "$new/$folder"; done
chmod 755 "$new/run"

mount -t tmpfs -o mode=755 tmpfs "$new/dev"
mkdir "$new"/dev/{pts,shm}
for device in null zero full random urandom tty; do
  : >"$new/dev/$device"
  mount --bind "/dev/$device" "$new/dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$new/dev/pts"
ln -s pts/ptmx "$new/dev/ptmx"
ln -s /proc/self/fd "$new/dev/fd"

printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n' >"$new/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$new/etc/group"
printf 'passwd: files systemd\ngroup: files systemd\nhosts: files dns\n' >"$new/etc/nsswitch.conf"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$new/etc/hosts"
printf 'ID=debian\nVERSION_ID="12"\n' >"$new/etc/os-release"
tr -d - </proc/sys/kernel/random/uuid >"$new/etc/machine-id"
cp /etc/ld.so.cache "$new/etc/"
cp /etc/ssl/openssl.cnf "$new/etc/ssl/"
ip link set lo up

# What every boot begins with, and the journal: what else the host has installed isn't started.
cat >"$new/etc/systemd/system/test.target" <<'UNIT'
[Unit]
Requires=sysinit.target systemd-journald.service
After=sysinit.target systemd-journald.service
UNIT

cd "$new"
pivot_root . old
umount -l old
rmdir old
mount --make-rshared / # as it is on a machine; in a container systemd leaves it alone
exec env -i container=other PATH=/usr/local/bin:/usr/sbin:/usr/bin \
  /usr/lib/systemd/systemd --unit=test.target --log-target=journal --show-status=no
