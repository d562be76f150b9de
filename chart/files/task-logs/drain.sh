#!/bin/sh
# PID 1 of the task-logs sidecar: runs Vector and, on SIGTERM, delivers what Vector has not delivered yet.
#
# Vector alone loses the end of a log file: on SIGTERM its file source neither looks for new files nor reads
# once more. But a fresh Vector always finds and reads every file once before it looks at signals. So after
# SIGTERM this program starts and stops Vector on the same data directory until each log file's acknowledged
# position (Vector's checkpoints.json: what Loki has accepted) equals its size. The kubelet sends SIGTERM to
# a native sidecar only after the main container has ended, so the files are final by then.
#
# It exits 0 when every byte is delivered, else 1 with a termination message, and never before SIGTERM: an exit
# would put the container into the kubelet's restart back-off, where nobody drains.
#
# It needs a POSIX sh with find, stat, awk and the like (busybox is enough), and `nc -u` for the audit metrics.
#
# Settings (environment):
#   DRAIN_TIMEOUT_SECONDS  25                  no path from SIGTERM to exit takes longer; at least 2
#   LOG_ROOT               /opt/airflow/logs
#   DATA_DIR               /var/lib/vector     `data_dir` of vector.yaml; also holds this program's own files
#   SOURCE_ID              task_logs           the file source in vector.yaml
#   MAX_LINE_BYTES         1048576             `max_line_bytes` of that source
#   MAX_READ_BYTES         262144              `max_read_bytes` of that source
#   RESEND_MAX_BYTES       33554432            see offer_again
#   STATSD_HOST                                receives the audit metrics; empty: none are sent
#   STATSD_PORT            9125
#   DAG_ID, TASK_ID                            tags of the audit metrics; empty: no tags
#   POD_UID                pod                 which pod the data directory's copy of the configuration is for
#   TERMINATION_LOG        /dev/termination-log
#   VECTOR_BIN             vector
#   VECTOR_CONFIG          vector.yaml         read by Vector, as all its VECTOR_* variables

terminating=''
trap 'terminating=1' TERM INT # first of all: as PID 1 a signal without a handler is lost
set -u

: "${DRAIN_TIMEOUT_SECONDS:=25}" "${LOG_ROOT:=/opt/airflow/logs}" "${DATA_DIR:=/var/lib/vector}"
: "${SOURCE_ID:=task_logs}" "${MAX_LINE_BYTES:=1048576}" "${MAX_READ_BYTES:=262144}"
: "${RESEND_MAX_BYTES:=33554432}"
: "${STATSD_HOST:=}" "${STATSD_PORT:=9125}" "${DAG_ID:=}" "${TASK_ID:=}" "${POD_UID:=pod}"
: "${TERMINATION_LOG:=/dev/termination-log}" "${VECTOR_BIN:=vector}" "${VECTOR_CONFIG:=vector.yaml}"
: "${VECTOR_THREADS:=1}" "${VECTOR_CHUNK_SIZE_EVENTS:=5}" # by default a thread for each CPU of the node and 1000:
# in a burst Vector then reads faster than it handles acknowledgements, and its memory grows with the burst
: "${VECTOR_LOG:=warn}" # watch_log needs its errors
export VECTOR_CONFIG VECTOR_THREADS VECTOR_CHUNK_SIZE_EVENTS VECTOR_LOG
export VECTOR_LOG_FORMAT=text VECTOR_COLOR=never # for watch_log

checkpoints=$DATA_DIR/$SOURCE_ID/checkpoints.json
export tails="$DATA_DIR/tails" # unterminated last lines of files that cannot be written: see end_last_lines
state=$DATA_DIR/drain # survives a restart of the container, as the data directory does
redacted_lines=$DATA_DIR/redacted # written by Vector, one line for each line that it redacted

# --- Time: centiseconds since boot. `date` has no fractions in busybox, and jumps when the clock is set. -----

read_clock() {
  read -r uptime _ </proc/uptime
  now=$((${uptime%.*} * 100 + 1${uptime#*.} - 100)) # 1..-100: 08 and 09 are no octal numbers
}

# --- Vector ---------------------------------------------------------------------------------------------------

vector='' reader='' starting=''

# start_vector LIMIT: LIMIT seconds are what Vector may take to deliver after its SIGTERM.
start_vector() {
  starting=1 # on_signal waits: a Vector whose process id is not noted yet could not be stopped
  VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS=$1 "$VECTOR_BIN" >"$state/log" 2>&1 &
  vector=$!
  watch_log <"$state/log" &
  reader=$!
  starting=''
}

# Shows Vector's log and notes what the checkpoints cannot tell: when Loki refuses a request for good, the next
# request that it takes moves the checkpoint past the refused lines, and a line above max_line_bytes is skipped.
watch_log() {
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
      *'Events dropped intentional=false count='*'Service call failed'*)
        count=${line##*count=}
        echo "${count%% *}" >>"$state/refused"
        ;;
      *'Found line that exceeds max_line_bytes'*) : >"$state/oversized" ;;
    esac
  done
}

running() { kill -0 "$1" 2>/dev/null; }

# Vector catches SIGHUP last of its signals, this shell and its children never do: a Vector that catches it no
# longer dies of SIGTERM but honours it, even one that comes while it is still starting.
catches_signals() { grep -q '^SigCgt:.*[13579bdf]$' "/proc/$1/status" 2>/dev/null; }

# stop_vector LIMIT: ends Vector with exactly one SIGTERM (a second one makes it quit without flushing), after
# which it delivers what it has read. One that outlives LIMIT by a second, or the deadline, is killed.
stop_vector() {
  [ -n "$vector" ] || return 0
  read_clock
  kill_at=$((now + $1 * 100 + 100))
  [ "$kill_at" -lt "$deadline" ] || kill_at=$deadline
  sent=''
  while running "$vector"; do
    if [ -z "$sent" ] && catches_signals "$vector"; then
      kill -TERM "$vector" 2>/dev/null
      sent=1
    fi
    read_clock
    if [ "$now" -ge "$kill_at" ]; then
      kill -KILL "$vector" 2>/dev/null
      [ "$now" -lt $((deadline + 20)) ] || break # it hangs in the kernel, which not even SIGKILL ends
    fi
    sleep 0.01
  done
  # The reader ends with Vector; what it has noted counts.
  while running "$reader" && [ "$now" -lt "$deadline" ]; do sleep 0.01; read_clock; done
  vector=''
}

# --- Log files ------------------------------------------------------------------------------------------------

# log_files [FIND-EXPRESSION]: the files that the source includes (keep in step with `include` in vector.yaml).
# Symbolic links are left out: what they point to is found by its own name.
log_files() {
  (cd "$LOG_ROOT" && find . -name lost+found -prune -o -type f -size +0c \( -name 'attempt=*.log*' \
    -o -path './scheduler/*.log' -o -path './dag_processor/*.log' -o -path './dag_processor_manager/*.log' \) \
    "$@") 2>/dev/null
}

newline='
'

# Compares sizes with acknowledged positions. Sets files, written, delivered and behind (bytes; behind is the most
# that is missing of one file), and incomplete: a line "INODE MISSING-BYTES SIZE NAME" for each file that is not
# delivered to its end.
audit() {
  result=$({
    cat "$checkpoints" "$@" | tr '}' '\n'
    [ ! -d "$tails" ] || (cd "$tails" && find . -type f -exec stat -c 'tail %d %i %s %n' {} +)
    log_files -exec stat -c '%d %i %s %n' {} +
  } 2>/dev/null | awk '
    # {"version":"1","checkpoints":[{"fingerprint":{"dev_inode":[DEVICE,INODE]},"position":BYTES,"modified":...},...
    match($0, /"dev_inode":\[[0-9]+,[0-9]+\]/) { id = substr($0, RSTART + 13, RLENGTH - 14); next }
    /^,"position":[0-9]/ { split($0, field, /[:,]/); if (field[3] > position[id] + 0) position[id] = field[3]; next }
    function name() { sub(/^(tail )?[0-9]+ [0-9]+ [0-9]+ \.\//, ""); return $0 }
    /^tail [0-9]+ [0-9]+ [0-9]+ \.\// {
      if (position[$2 "," $3] != $4) next
      bytes = $4 - 1 # without the added newline
      original = name(); sub(/^[0-9]+\//, "", original) # the offset
      tail[original] = bytes
      next
    }
    /^[0-9]+ [0-9]+ [0-9]+ \.\// {
      n++; inode[n] = $2; size[n] = $3; done[n] = position[$1 "," $2]; path[n] = name()
      next
    }
    n { path[n] = path[n] "?" $0 } # a newline in a name
    END {
      for (i = 1; i <= n; i++) {
        done[i] += tail[path[i]]
        if (done[i] > size[i]) done[i] = 0 # not the file that the checkpoint is of
        written += size[i]; delivered += done[i]
        missing = size[i] - done[i]
        if (missing) lines = lines sprintf("\n%s %.0f %.0f %s", inode[i], missing, size[i], path[i])
        if (missing > behind) behind = missing
      }
      printf "%d %.0f %.0f %.0f%s\n", n, written, delivered, behind, lines
    }')
  totals=${result%%"$newline"*}
  incomplete=${result#"$totals"}
  incomplete=${incomplete#"$newline"}
  read -r files written delivered behind <<EOF
$totals
EOF
}

# Vector reads no line before its newline. A file that a killed task left without one gets it here; where the
# file cannot be written, a copy of the line goes to a directory that the source includes too, under the line's
# offset and the file's relative path, which carries its identity.
end_last_lines() {
  set --
  while read -r inode _; do set -- "$@" -o -inum "$inode"; done <<EOF
$incomplete
EOF
  shift
  # shellcheck disable=SC2016 # the inner shell expands
  log_files \( "$@" \) -exec sh -c '
    [ "$(tail -q -c 1 "$@" | tr -c -d "\n" | wc -c)" -lt $# ] || exit 0 # usual: all have one
    for file; do
      [ -r "$file" ] && [ -n "$(tail -c 1 "$file" | tr "\000" 0)" ] || continue
      if [ -w "$file" ] && echo >>"$file"; then continue; fi
      offset=$(($(wc -c <"$file") - $(tail -n 1 "$file" | wc -c)))
      copy=$tails/$offset/$file
      [ -e "$copy" ] || { mkdir -p "${copy%/*}" && { tail -n 1 "$file"; echo; } >"$copy"; }
    done' sh {} +
}

# --- The drain ------------------------------------------------------------------------------------------------

# Lines that Loki refused (a proxy that answers 404 or 401 for a while is enough) are offered once more, by
# forgetting the checkpoints: what Loki has already, it stores only once. Not so for gigabytes of a long-lived
# pod, which would not fit the deadline.
offer_again() {
  [ -s "$state/refused" ] && [ -z "$offered" ] && [ "$written" -le "$RESEND_MAX_BYTES" ] || return 0
  offered=1
  mv -f "$checkpoints" "$state/accepted.json" 2>/dev/null
  rm -f "$state/refused" "${checkpoints%.json}.new.json"
  audit
}

# To stop Vector cuts it short: while more of a file is missing than Vector reads between two looks at signals, it
# is left alone, as long as it delivers, and for half of the time that is left.
follow() {
  patience=$((now + 300))
  while [ "$behind" -gt "$MAX_READ_BYTES" ] && running "$vector" &&
    [ "$now" -lt "$patience" ] && [ "$now" -lt $((begun + limit * 100)) ]; do
    sleep 0.2
    so_far=$delivered
    audit
    read_clock
    [ "$delivered" -le "$so_far" ] || patience=$((now + 300))
  done
}

# What the task's container printed (capture-output.sh keeps a copy) stands in for a log file that never came into
# being; the pod's annotations say whose it is.
take_captured_output() {
  [ "$files" = 0 ] && [ -s "$LOG_ROOT/.output/output.log" ] || return 0
  mv "$LOG_ROOT/.output/output.log" "$LOG_ROOT/.output/attempt=output.log" && audit
}

drain() {
  trap : TERM INT # a further signal changes nothing; not '', which the next Vector would inherit as "ignore"
  read_clock
  started=$now
  deadline=$((started + DRAIN_TIMEOUT_SECONDS * 100 - 100)) # a second for the report
  connect_statsd
  stop_vector "$first_limit"
  audit
  take_captured_output
  offered=''
  offer_again
  fruitless=0
  while [ -n "$incomplete" ]; do
    read_clock
    [ $((deadline - now)) -gt 30 ] || break # too late for a start of Vector
    before=$delivered
    begun=$now
    # Half of what is left: a connection that hangs gets a successor.
    limit=$(((deadline - now) / 200))
    [ "$limit" -ge 1 ] || limit=1
    end_last_lines
    start_vector "$limit"
    follow
    stop_vector "$limit"
    audit
    offer_again
    # A Vector that used up its limit could not reach Loki: again, to the deadline. One that ended early has
    # delivered all it can: what is left has been refused for good, or Vector cannot run. A few more tries.
    read_clock
    if [ "$delivered" -gt "$before" ]; then
      fruitless=0
    elif [ $((now - begun)) -lt $((limit * 100)) ]; then
      fruitless=$((fruitless + 1))
      [ "$fruitless" -lt 4 ] || break
      sleep "0.$fruitless"
    fi
  done
  [ -z "$offered" ] || audit "$state/accepted.json"
  report
}

# --- The report -----------------------------------------------------------------------------------------------

# Lines above max_line_bytes that Vector has skipped inside the files; prints their number and bytes. Only after
# Vector said that there are some. In pieces: such a line may be larger than this container's memory.
oversized_lines() {
  [ -e "$state/oversized" ] || { echo 0 0; return; }
  read_clock
  seconds=$(((deadline - now) / 100))
  [ "$seconds" -gt 0 ] || { echo 1 0; return; }
  log_files -size +"$MAX_LINE_BYTES"c -exec timeout "$seconds" cat {} + | tr '\n\000\001' '\001  ' | fold -b -w 4096 |
    LC_ALL=C awk -F '\001' -v max="$MAX_LINE_BYTES" '
      {
        bytes_in_line += length($1)
        for (i = 2; i <= NF; i++) {
          if (bytes_in_line > max) { lines++; bytes += bytes_in_line + 1 }
          bytes_in_line = length($i)
        }
      }
      END { printf "%d %.0f\n", lines, bytes }'
}

report() {
  read -r oversized oversized_bytes <<EOF
$(oversized_lines)
EOF
  delivered=$((delivered - oversized_bytes))
  missing=$((written - delivered))
  refused=0
  [ ! -s "$state/refused" ] || refused=$(awk '{ n += $1 } END { printf "%d", n }' "$state/refused")
  redacted=0
  [ ! -s "$redacted_lines" ] || redacted=$(($(wc -l <"$redacted_lines")))
  read_clock
  milliseconds=$(((now - started) * 10))
  unreadable=''
  [ ! -d "$LOG_ROOT" ] || log_files >/dev/null || unreadable=', not all directories can be read'
  summary="task logs: $files files, $written bytes written, $delivered delivered, $missing missing, $refused lines\
 refused by Loki, $oversized lines above $MAX_LINE_BYTES bytes skipped, $restarts restarts of Vector, drained in $milliseconds ms$unreadable"
  echo "$summary"
  send_statsd
  rm -rf "$state" "$redacted_lines" # reported: not once more where the data directory outlives the pod
  [ "$missing" -gt 0 ] || [ "$refused" -gt 0 ] || [ -n "$unreadable" ] || exit 0
  {
    echo "$summary"
    printf '%s\n' "$incomplete" | while read -r _ bytes size path; do
      [ -z "$bytes" ] || echo "$bytes of $size bytes missing: $path"
    done
  } | head -c 4096 >"$TERMINATION_LOG" # what the kubelet keeps
  exit 1
}

# The datagram must never hold up the drain: nc resolves the name while the drain runs, and what it has not sent
# when this program ends is lost. The descriptor is open for reading too, so that nothing here can block.
connect_statsd() {
  [ -n "$STATSD_HOST" ] || return 0
  rm -f "$state/statsd"
  mkfifo "$state/statsd" || return 0
  exec 4<>"$state/statsd"
  nc -u -w 1 "$STATSD_HOST" "$STATSD_PORT" <&4 >/dev/null 2>&1 &
  nc_ready=$((now + 15))
}

send_statsd() {
  [ -e "$state/statsd" ] || return 0
  tags=$(tag dag_id "$DAG_ID")$(tag task_id "$TASK_ID")
  metric() { printf 'airflow.task_log.%s%s:%s|%s\n' "$1" "$tags" "$2" "$3"; }
  lines=$(
    metric files "$files" c
    metric bytes_written "$written" c
    metric bytes_delivered "$delivered" c
    metric bytes_missing "$missing" c
    metric refused "$refused" c
    metric oversized "$oversized" c
    metric redacted "$redacted" c
    metric vector_restarts "$restarts" c
    metric drain_duration "$milliseconds" ms
  )
  printf '%s\n' "$lines" >&4 # one write is one datagram
  sleep 0.02
  while read_clock; [ "$now" -lt "$nc_ready" ]; do sleep 0.01; done # in a short drain: the name
}

# tag KEY VALUE: an InfluxDB-style tag, its value reduced to what every statsd server takes
tag() {
  [ -z "$2" ] || printf ',%s=%s' "$1" "$(printf %s "$2" | LC_ALL=C tr -c 'A-Za-z0-9_.-' _)"
}

# --- Main -----------------------------------------------------------------------------------------------------

on_signal() {
  terminating=1
  [ -n "$starting" ] || drain
}

# restarts: how often Vector (or, with this container, all) was started anew; for the report
restarted() {
  restarts=$((restarts + 1))
  echo "$restarts" >"$state/restarts"
}

mkdir -p "$state"
# The pod keeps the configuration that it was started with: one that an upgrade puts into the ConfigMap meanwhile
# may need what this pod has not mounted. By pod, because the data directory of a long-lived pod outlives it.
configuration=$DATA_DIR/configuration/$POD_UID
if [ ! -d "$configuration" ]; then
  rm -rf "$DATA_DIR/configuration"
  mkdir -p "$configuration.new" && cp ./* "$configuration.new" && mv "$configuration.new" "$configuration"
fi
cd "$configuration" || echo "task logs: $configuration is missing; reading $PWD as it is" >&2
rm -rf "$tails" "$state/log"
mkfifo "$state/log"
first_limit=$(((DRAIN_TIMEOUT_SECONDS + 1) / 2)) # half, as in the passes of the drain
restarts=-1
[ ! -s "$state/restarts" ] || read -r restarts <"$state/restarts"
restarted

trap on_signal TERM INT
[ -z "$terminating" ] || drain

# Vector that ends by itself (crash, out of memory, a configuration that it refuses) is started again, after 1 s,
# then 2 s, 4 s, ... 32 s; 1 s again when it had run for a minute.
delay=1
while :; do
  read_clock
  begun=$now
  start_vector "$first_limit"
  [ -z "$terminating" ] || drain
  wait "$vector"
  echo "Vector has ended by itself with code $?; starting it again in $delay s"
  read_clock
  [ $((now - begun)) -lt 6000 ] || delay=1
  vector=''
  sleep "$delay" &
  wait $!
  [ "$delay" -ge 32 ] || delay=$((delay * 2))
  restarted
done
