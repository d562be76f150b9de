#!/bin/sh
# Ends the programs of a control plane whose owner was killed and could not do it: when its input has
# ended, kills the process groups that it has read, one a line, and removes the directory $1. A node
# has cgroups that are called as that directory.

groups=
while read -r group; do
  groups="$groups -$group"
done
# shellcheck disable=SC2086 # one word each
[ -z "$groups" ] || kill -s KILL -- $groups

attempts=50
while [ "$attempts" -gt 0 ]; do # until their processes have ended
  rm -rf "$1"
  cgroups=$(find /sys/fs/cgroup -maxdepth 2 -type d -name "${1##*/}" 2>/dev/null)
  [ -n "$cgroups" ] || [ -e "$1" ] || break
  for cgroup in $cgroups; do # names without spaces
    find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null
  done
  attempts=$((attempts - 1))
  sleep 0.2
done
