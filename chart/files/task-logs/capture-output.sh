#!/bin/sh
# Runs a task's container as its image would, and keeps a copy of the first megabyte that it prints. The sidecar
# ships the copy when the task has left no log file at all: a configuration that cannot be imported, a database
# that is down. In all other cases Airflow's log file has these lines, and the copy is ignored.
#
# usage: capture-output.sh COPY ENTRYPOINT [ARGUMENT...]
#
# Output, signals and exit code of the entrypoint stay what they were. A copy that cannot be made is no reason
# not to run it.
set -u
copy=$1
shift
directory=${copy%/*}
pipe=$directory/pipe
if ! { mkdir -p "$directory" && rm -f "$pipe" && mkfifo "$pipe"; }; then exec "$@"; fi

# Past the limit on its size tee leaves the copy alone and goes on printing.
(trap '' XFSZ && ulimit -f 2048 && exec tee "$copy" 2>/dev/null) <"$pipe" &
copier=$!
# A shell has SIGINT and SIGQUIT ignored in what it runs in the background (POSIX), and a shell cannot undo it.
default='env --default-signal=INT,QUIT'
$default true 2>/dev/null || default='' # of coreutils, which Airflow's images have
$default "$@" >"$pipe" 2>&1 &
entrypoint=$!
for signal in HUP INT QUIT TERM USR1 USR2; do
  # shellcheck disable=SC2064 # the values of now
  trap "signalled=1; kill -$signal $entrypoint" "$signal"
done

# A signal ends `wait`, not the entrypoint.
signalled=1 code=129
while [ -n "$signalled" ] && [ "$code" -gt 128 ]; do
  signalled=''
  wait "$entrypoint"
  code=$?
done
# To the last line, but not for a process left behind that holds the pipe open.
{ sleep 2; kill "$copier"; } >/dev/null 2>&1 &
wait "$copier"
exit "$code"
