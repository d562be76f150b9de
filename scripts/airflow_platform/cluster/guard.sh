#!/bin/sh
# Ends the programs of a control plane whose owner was killed and could not do it: kills the process
# groups that it has read, one a line, and removes the directory $1, when its input has ended.

groups=
while read -r group; do
  groups="$groups -$group"
done
# shellcheck disable=SC2086 # one word each
[ -z "$groups" ] || kill -s KILL -- $groups
rm -rf "$1"
