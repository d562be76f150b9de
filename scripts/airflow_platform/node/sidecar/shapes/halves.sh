#!/bin/sh
# Half of the lines at once. The other half follows bit by bit, after SIGTERM or once there is the file /tmp/go-on: a
# task may have much to say before it ends.
told=''
trap 'told=1' TERM
half=$(($3 / 2))
write 1 "$half"
while [ -z "$told" ] && [ ! -e /tmp/go-on ]; do sleep 0.1; done
for line in $(seq $((half + 1)) "$3"); do
  write "$line" "$line"
  sleep 0.05
done
