#!/bin/sh
# Runs the entrypoint of a task's container and keeps a copy of the first megabyte that the entrypoint prints.
# The sidecar ships the copy only when the task has left no log file at all, for example because Airflow's
# configuration cannot be imported or the database is down. In all other cases Airflow's log file has these lines.
#
# usage: capture-output.sh COPY ENTRYPOINT [ARGUMENT...]
#
# The entrypoint's output, signals and exit code stay as they are without this program. When the copy cannot be
# made, the entrypoint runs without one.
set -u
copy=$1
shift
directory=${copy%/*}
pipe=$directory/pipe
if ! { command -v tee >/dev/null && mkdir -p "$directory" && rm -f "$pipe" && mkfifo "$pipe"; }; then exec "$@"; fi

# ulimit bounds the size of the copy (2048 blocks of 512 bytes). SIGXFSZ is ignored, so beyond that size tee only
# fails to write the copy, and goes on printing.
(trap '' XFSZ && ulimit -f 2048 && exec tee "$copy" 2>/dev/null) <"$pipe" &
copier=$!
# The traps come before the entrypoint: without a trap a signal would not reach the entrypoint. An early signal is
# kept until the entrypoint runs, which takes a moment after its start: until then it has the traps of this shell.
entrypoint='' early=''
forward() {
  signalled=1
  if [ -n "$entrypoint" ]; then kill -"$1" "$entrypoint"; else early=$1; fi
}
for signal in HUP INT QUIT TERM USR1 USR2; do
  # shellcheck disable=SC2064 # $signal is meant to be expanded here
  trap "forward $signal" "$signal"
done
# A shell has SIGINT and SIGQUIT ignored in what it runs in the background (POSIX), and a shell cannot undo it.
default='env --default-signal=INT,QUIT'
$default true 2>/dev/null || default='' # of coreutils, which Airflow's images have
$default "$@" >"$pipe" 2>&1 &
entrypoint=$!
[ -z "$early" ] || { sleep 0.1; forward "$early"; }

# A signal to this shell ends `wait` while the entrypoint still runs, so `wait` is called again.
signalled=1 code=129
while [ -n "$signalled" ] && [ "$code" -gt 128 ]; do
  signalled=''
  wait "$entrypoint"
  code=$?
done
# tee ends after the last line, when nobody has the pipe open for writing any more. A process that the entrypoint
# left behind may keep the pipe open, so tee gets two seconds.
{ sleep 2; kill "$copier"; } >/dev/null 2>&1 &
wait "$copier"
exit "$code"
