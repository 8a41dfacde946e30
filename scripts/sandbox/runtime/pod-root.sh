#!/bin/bash
# First process of a sandbox container, inside fresh mount and PID namespaces: builds the root
# file system that the pod asks for, then becomes the container's own command.
#
#   pod-root.sh SCRATCH [--tmpfs PATH SIZE MODE UID GID | --bind SOURCE PATH | --read-only | --workdir DIR]… -- COMMAND…
#
# SCRATCH is an empty directory to mount on; this machine sees nothing of it.
# Writes a line to descriptor 3 once the root stands: only then may an exec enter.
# The root is an overlay of this machine's, so its programs are there, but nothing written to it
# ever reaches a disk: the upper layer lives in a tmpfs that vanishes with the namespace.
set -euo pipefail

container_path=${PATH-}
PATH=/usr/sbin:/usr/bin:/sbin:/bin

scratch=$1
shift
mount -t tmpfs -o mode=0755 tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$scratch/root"
cd "$scratch/root"

# What a container does not see of its node.
for hidden in tmp root home run; do
  [ -d "$hidden" ] && mount -t tmpfs -o mode=0755 tmpfs "$hidden"
done
chmod 1777 tmp

mkdir -p proc dev sys
mount -t proc proc proc
mount -t tmpfs -o mode=0755 tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

read_only=
workdir=/
volumes=()
while [ "$1" != -- ]; do
  case $1 in
    --tmpfs)
      mkdir -p ".$2"
      volumes+=("$2" -t tmpfs -o "size=$3,mode=$4,uid=$5,gid=$6" tmpfs)
      shift 6
      ;;
    --bind)
      if [ -d "$2" ]; then mkdir -p ".$3"; else mkdir -p ".${3%/*}" && touch ".$3"; fi
      volumes+=("$3" --bind -o rw,nosuid -- "$2")
      shift 3
      ;;
    --read-only)
      read_only=yes
      shift
      ;;
    --workdir)
      workdir=$2
      shift 2
      ;;
    *)
      echo "pod-root: unknown option $1" >&2
      exit 64
      ;;
  esac
done
shift

# Read-only comes before the volumes: one of them may well be mounted on /tmp.
if [ -n "$read_only" ]; then
  for mounted in . tmp root home run; do
    if mountpoint -q "$mounted"; then mount -o remount,bind,ro "$mounted"; fi
  done
fi

for ((at = 0; at < ${#volumes[@]}; at += 6)); do
  path=${volumes[at]}
  [ -e ".$path" ] || mkdir -p ".$path" # a volume inside another volume
  mount "${volumes[@]:at+1:5}" ".$path"
done

pivot_root . .
umount -l .
cd "$workdir"
echo ready >&3
exec 3>&-
PATH=$container_path
exec /usr/bin/env -u PWD -u OLDPWD -u SHLVL -u _ "$@"
