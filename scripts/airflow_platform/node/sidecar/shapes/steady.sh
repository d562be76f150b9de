#!/bin/sh
# Some lines every half a second, for five seconds. SIGTERM changes nothing: a task may have much to say before it ends.
trap : TERM
step=$(($3 / 10))
for part in 1 2 3 4 5 6 7 8 9 10; do
  write $(((part - 1) * step + 1)) $((part * step))
  sleep 0.5
done
