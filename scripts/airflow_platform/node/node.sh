#!/bin/sh
# Runs containerd and the program in $2... (kubelet) in namespaces for mounts and processes that
# `unshare` has made for them: whatever ends them, all containers and mounts end with them. $1 is
# the directory of the node.

set -eu
directory=$1
shift

# What programs write below fixed paths stays here.
for fixed in /run /var/log /var/lib; do
  mkdir -p "$directory$fixed"
  mount --bind "$directory$fixed" "$fixed"
done

# Kubelet wants these settings of the kernel, and would change those of this machine. It finds
# them, and changes nothing.
while read -r setting value; do
  [ -e "/proc/sys/$setting" ] || continue
  found=$directory/$(printf %s "$setting" | tr / -)
  echo "$value" >"$found"
  mount --bind "$found" "/proc/sys/$setting"
done <<'END'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END

containerd --config "$directory/containerd.toml" >"$directory/containerd.log" 2>&1 &
until ctr --address "$directory/containerd.sock" version >/dev/null 2>&1; do
  kill -0 $! || { cat "$directory/containerd.log" >&2; exit 1; }
  sleep 0.1
done
"$@"
