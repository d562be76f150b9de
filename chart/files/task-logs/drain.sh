#!/bin/sh
# PID 1 of the task-logs sidecar: runs Vector and, on SIGTERM, delivers what Vector has not delivered yet.
#
# Vector alone loses the end of a log file: on SIGTERM its file source stops at once, without looking for new
# files and without reading again. But when Vector starts, its file source finds and reads every file once before
# it handles a signal. Both are in the loop of
# https://github.com/vectordotdev/vector/blob/v0.58.0/lib/file-source/src/file_server.rs
# So after SIGTERM this program starts and stops Vector on the same data directory until the acknowledged position
# of each log file equals the size of the file. The acknowledged positions are in Vector's checkpoints.json: Loki
# has accepted the file up to there. The files do not grow any more, because the kubelet sends SIGTERM to a native
# sidecar only after the main container has ended:
# https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
#
# This program exits with 0 when every byte is delivered, else with 1 and a termination message. A task that has run
# and left no log file at all counts as a loss, too: see no_log_file. This program never exits
# before SIGTERM: the kubelet would wait before it restarts the container, and a task that ends meanwhile would
# have no drain.
#
# The program needs a POSIX sh with find, stat, awk and the like (busybox has all), and `nc -u` for the metrics.
#
# Settings (environment):
#   DRAIN_TIMEOUT_SECONDS  25                  the most seconds between SIGTERM and exit; at least 2
#   LOG_ROOT               /opt/airflow/logs
#   DATA_DIR               /var/lib/vector     `data_dir` of vector.yaml; also holds this program's own files
#   SOURCE_ID              task_logs           the file source in vector.yaml
#   MAX_LINE_BYTES         1048576             `max_line_bytes` of that source
#   MAX_READ_BYTES         262144              `max_read_bytes` of that source
#   RESEND_MAX_BYTES       33554432            log files that have more bytes in all are not sent again (offer_again)
#   STATSD_HOST                                where the metrics of the report are sent; empty: nowhere
#   STATSD_PORT            9125
#   STATSD_PREFIX          airflow             prefix of the names of these metrics
#   DAG_ID, TASK_ID                            tags of these metrics; empty: no tags. Only the pod of a single task has them
#   START_MARKED                               true: $DATA_DIR/base-started exists once the task's container has started
#   POD_UID                pod                 the pod to which this program's copy of the configuration belongs
#   TERMINATION_LOG        /dev/termination-log
#   VECTOR_BIN             vector
#   VECTOR_CONFIG          vector.yaml         read by Vector, as are all variables VECTOR_*

terminating=''
trap 'terminating=1' TERM INT # before all else: the kernel ignores a signal that PID 1 has no handler for
set -u

: "${DRAIN_TIMEOUT_SECONDS:=25}" "${LOG_ROOT:=/opt/airflow/logs}" "${DATA_DIR:=/var/lib/vector}"
: "${SOURCE_ID:=task_logs}" "${MAX_LINE_BYTES:=1048576}" "${MAX_READ_BYTES:=262144}"
: "${RESEND_MAX_BYTES:=33554432}"
: "${STATSD_HOST:=}" "${STATSD_PORT:=9125}" "${STATSD_PREFIX:=airflow}" "${DAG_ID:=}" "${TASK_ID:=}" "${POD_UID:=pod}"
: "${START_MARKED:=}"
: "${TERMINATION_LOG:=/dev/termination-log}" "${VECTOR_BIN:=vector}" "${VECTOR_CONFIG:=vector.yaml}"
# Vector's defaults are a thread for each CPU of the node and chunks of 1000 events. With these, Vector reads a burst
# of lines faster than it handles Loki's acknowledgements, and its memory grows with the burst.
: "${VECTOR_THREADS:=1}" "${VECTOR_CHUNK_SIZE_EVENTS:=5}"
: "${VECTOR_LOG:=warn}" # watch_log reads warnings and errors from Vector's log
export VECTOR_CONFIG VECTOR_THREADS VECTOR_CHUNK_SIZE_EVENTS VECTOR_LOG
export VECTOR_LOG_FORMAT=text VECTOR_COLOR=never # the form that watch_log reads

checkpoints=$DATA_DIR/$SOURCE_ID/checkpoints.json
export tails="$DATA_DIR/tails" # copies of last lines: see end_last_lines
state=$DATA_DIR/drain # what this program has to know after a restart of the container
redacted_lines=$DATA_DIR/redacted # Vector writes one line to this file for each log line that it redacts

# --- Time: centiseconds since boot. The `date` of busybox has no fractions, and jumps when the clock is set. --

read_clock() {
  read -r uptime _ </proc/uptime
  now=$((${uptime%.*} * 100 + 1${uptime#*.} - 100)) # 108 - 100, because the shell would read 08 as an octal number
}

# --- Vector ---------------------------------------------------------------------------------------------------

vector='' reader='' starting=''

# start_vector LIMIT: starts a Vector that may go on delivering for LIMIT seconds after its SIGTERM.
start_vector() {
  starting=1 # on_signal does not drain now, because it could not stop a Vector whose process id is not known yet
  VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS=$1 "$VECTOR_BIN" >"$state/log" 2>&1 &
  vector=$!
  watch_log <"$state/log" &
  reader=$!
  starting=''
}

# Prints Vector's log and notes two kinds of lost lines that the checkpoints do not show: lines that Loki refuses
# for good, because the next request that Loki accepts moves the checkpoint past them, and lines above
# max_line_bytes, which Vector skips.
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

# Tells whether Vector has installed its signal handlers, so that SIGTERM makes it stop in order, even while it is
# still starting. The handler of SIGHUP is the last one that Vector installs
# (https://github.com/vectordotdev/vector/blob/v0.58.0/src/signal.rs). SIGHUP is bit 0 of SigCgt, so the last
# digit is odd; in this shell and its children that bit is never set.
catches_signals() { grep -q '^SigCgt:.*[13579bdf]$' "/proc/$1/status" 2>/dev/null; }

# stop_vector LIMIT: sends one SIGTERM, after which Vector delivers what it has read and ends. A second SIGTERM
# would make Vector quit without delivering. A Vector that still runs a second after LIMIT, or at the deadline, is
# killed.
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
      [ "$now" -lt $((deadline + 20)) ] || break # SIGKILL cannot end a process that hangs in a system call
    fi
    sleep 0.01
  done
  # watch_log ends after Vector; its notes must be complete for the report.
  while running "$reader" && [ "$now" -lt "$deadline" ]; do sleep 0.01; read_clock; done
  vector=''
}

# --- Log files ------------------------------------------------------------------------------------------------

# log_files [FIND-EXPRESSION]: finds the files that Vector's file source reads. Keep the patterns the same as
# `include` in vector.yaml. Symbolic links are left out, because the file behind a link is found by its own name.
log_files() {
  (cd "$LOG_ROOT" && find . -name lost+found -prune -o -type f -size +0c \( -name 'attempt=*.log*' \
    -o -path './scheduler/*.log' -o -path './dag_processor/*.log' -o -path './dag_processor_manager/*.log' \) \
    "$@") 2>/dev/null
}

newline='
'

# Compares the sizes of the log files with their acknowledged positions, and sets
#   files       the number of log files
#   written     the bytes in all log files
#   delivered   the bytes that Loki has accepted
#   behind      the most bytes that are missing of any one file
#   incomplete  a line "INODE MISSING-BYTES SIZE NAME" for each file that is not delivered to its end
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
      bytes = $4 - 1 # end_last_lines has added a newline to the copy
      original = name(); sub(/^[0-9]+\//, "", original) # without the directory that is named by the offset
      tail[original] = bytes
      next
    }
    /^[0-9]+ [0-9]+ [0-9]+ \.\// {
      n++; inode[n] = $2; size[n] = $3; done[n] = position[$1 "," $2]; path[n] = name()
      next
    }
    n { path[n] = path[n] "?" $0 } # the name of the last file has a newline and goes on in this line
    END {
      for (i = 1; i <= n; i++) {
        done[i] += tail[path[i]]
        if (done[i] > size[i]) done[i] = 0 # the checkpoint is of another file, which had this inode before
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

# Vector reads a line only when the line ends in a newline (https://github.com/vectordotdev/vector/issues/18341). A
# task that was killed may leave a last line without one; this function appends the newline. To a file that it may
# not write it makes a copy of the last line instead, in $tails, which the file source reads as well. The copy is at
# OFFSET/PATH: OFFSET is the line's position in the log file, and PATH is the path of the log file, from which
# parse.vrl takes the ids of the task.
end_last_lines() {
  set --
  while read -r inode _; do set -- "$@" -o -inum "$inode"; done <<EOF
$incomplete
EOF
  shift
  # shellcheck disable=SC2016 # the inner shell is meant to expand the variables
  log_files \( "$@" \) -exec sh -c '
    [ "$(tail -q -c 1 "$@" | tr -c -d "\n" | wc -c)" -lt $# ] || exit 0 # all files end in a newline, as usual
    for file; do
      [ -r "$file" ] && [ -n "$(tail -c 1 "$file" | tr "\000" 0)" ] || continue
      if [ -w "$file" ] && echo >>"$file"; then continue; fi
      offset=$(($(wc -c <"$file") - $(tail -n 1 "$file" | wc -c)))
      copy=$tails/$offset/$file
      [ -e "$copy" ] || { mkdir -p "${copy%/*}" && { tail -n 1 "$file"; echo; } >"$copy"; }
    done' sh {} +
}

# --- The drain ------------------------------------------------------------------------------------------------

# Sends lines again, once, that Loki has refused; a proxy that answers 404 or 401 for a while makes Vector give them
# up. With the checkpoints deleted Vector reads all files from the beginning. Loki stores a line that it already has
# only once. Nothing is sent again when the files have more than RESEND_MAX_BYTES in all, as in a long-lived pod:
# that would take longer than the deadline.
offer_again() {
  [ -s "$state/refused" ] && [ -z "$offered" ] && [ "$written" -le "$RESEND_MAX_BYTES" ] || return 0
  offered=1
  mv -f "$checkpoints" "$state/accepted.json" 2>/dev/null
  rm -f "$state/refused" "${checkpoints%.json}.new.json"
  audit
}

# Waits for Vector while it has much left to read. Vector handles a signal after it has read at most MAX_READ_BYTES
# of each file, so a SIGTERM would end it too early when more than that is missing of one file. The wait ends when
# Vector has delivered nothing for 3 s, or after half of the time that was left.
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

# When the task has left no log file, the copy of the container's output (see capture-output.sh) becomes the log
# file. Its path has no ids of a task, so parse.vrl takes them from the pod's annotations.
take_captured_output() {
  [ "$files" = 0 ] && [ -s "$LOG_ROOT/.output/output.log" ] || return 0
  mv "$LOG_ROOT/.output/output.log" "$LOG_ROOT/.output/attempt=output.log" && audit
}

drain() {
  trap : TERM INT # further signals do nothing; '' instead of : would make the next Vector ignore SIGTERM as well
  read_clock
  started=$now
  deadline=$((started + DRAIN_TIMEOUT_SECONDS * 100 - 100)) # the last second is for the report
  connect_statsd
  stop_vector "$first_limit"
  audit
  take_captured_output
  offered=''
  offer_again
  fruitless=0
  while [ -n "$incomplete" ]; do
    read_clock
    [ $((deadline - now)) -gt 30 ] || break # Vector could not start and deliver in less than 0.3 s
    before=$delivered
    begun=$now
    # Half of the time that is left, so that there is time for another connection when this one hangs.
    limit=$(((deadline - now) / 200))
    [ "$limit" -ge 1 ] || limit=1
    end_last_lines
    start_vector "$limit"
    follow
    stop_vector "$limit"
    audit
    offer_again
    # A Vector that took all of its limit could not reach Loki: the drain tries again until the deadline. A Vector
    # that ended earlier has delivered what it can: Loki refuses the rest for good, or Vector cannot run. The drain
    # gives up after four of these.
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

# Tells whether the task of this pod has run and left no log file: Airflow writes its logs elsewhere, or the task's
# container has died before Airflow opened the file. A pod that was deleted before the task's container started, for
# example because its image could not be pulled, has lost nothing; nor has a task whose file is empty, because its
# level of logging is high.
no_log_file() {
  [ "$files" = 0 ] && [ -n "$DAG_ID" ] || return 1
  [ -z "$START_MARKED" ] || [ -d "$DATA_DIR/base-started" ] || return 1
  [ -z "$(find "$LOG_ROOT" -name 'attempt=*.log*' 2>/dev/null)" ]
}

# Prints the number and the bytes of the lines above max_line_bytes, which Vector has skipped. The files are searched
# only when Vector's log said that there are such lines, and in pieces of 4096 bytes, because one such line may be
# larger than this container's memory.
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
  without_file=0
  hint=''
  if no_log_file; then
    without_file=1
    hint="the task has left no log file below $LOG_ROOT. Look at Airflow's options logging.base_log_folder and\
 logging.log_filename_template, and at what the container base has printed"
  fi
  summary="task logs: $files files, $written bytes written, $delivered delivered, $missing missing, $refused lines\
 refused by Loki, $oversized lines above $MAX_LINE_BYTES bytes skipped, $restarts restarts of Vector, drained in $milliseconds ms$unreadable"
  echo "$summary"
  send_statsd
  rm -rf "$state" "$redacted_lines" # or the next pod on this data directory would report them again
  [ "$missing" -gt 0 ] || [ "$refused" -gt 0 ] || [ -n "$unreadable$hint" ] || exit 0
  {
    echo "$summary"
    [ -z "$hint" ] || echo "$hint"
    printf '%s\n' "$incomplete" | while read -r _ bytes size path; do
      [ -z "$bytes" ] || echo "$bytes of $size bytes missing: $path"
    done
  } | head -c 4096 >"$TERMINATION_LOG" # the kubelet keeps 4096 bytes
  exit 1
}

# The metrics must never delay the drain. nc starts now and resolves the host's name while the drain runs; when nc
# has not sent the metrics by the end of this program, they are lost. The pipe is opened for reading as well as for
# writing, so that neither opening it nor writing to it waits for nc.
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
  metric() { printf '%s.task_log.%s%s:%s|%s\n' "$STATSD_PREFIX" "$1" "$tags" "$2" "$3"; }
  lines=$(
    metric files "$files" c
    metric no_file "$without_file" c
    metric bytes_written "$written" c
    metric bytes_delivered "$delivered" c
    # A series for each task, so only for those that need it.
    [ "$missing" -eq 0 ] || metric bytes_missing "$missing" c
    metric refused "$refused" c
    metric oversized "$oversized" c
    metric redacted "$redacted" c
    metric vector_restarts "$restarts" c
    metric drain_duration "$milliseconds" ms
  )
  printf '%s\n' "$lines" >&4 # a single write, which nc sends as one datagram
  sleep 0.02
  while read_clock; [ "$now" -lt "$nc_ready" ]; do sleep 0.01; done # nc may still resolve the name
}

# tag KEY VALUE: prints a tag in the style of InfluxDB, with "_" for each character that a StatsD server may refuse
tag() {
  [ -z "$2" ] || printf ',%s=%s' "$1" "$(printf %s "$2" | LC_ALL=C tr -c 'A-Za-z0-9_.-' _)"
}

# --- Main -----------------------------------------------------------------------------------------------------

on_signal() {
  terminating=1
  [ -n "$starting" ] || drain
}

# Counts the restarts of Vector, those by a restart of this container included, for the report.
restarted() {
  restarts=$((restarts + 1))
  echo "$restarts" >"$state/restarts"
}

mkdir -p "$state"
# Vector runs on a copy of the configuration, made when the pod starts. An upgrade of the release may change the
# ConfigMap while the pod runs, and the new configuration may need a Secret that this pod does not mount. The copy is
# in a directory named by the pod, because the data directory of a long-lived pod is used by the next pod as well.
configuration=$DATA_DIR/configuration/$POD_UID
if [ ! -d "$configuration" ]; then
  rm -rf "$DATA_DIR/configuration"
  mkdir -p "$configuration.new" && cp ./* "$configuration.new" && mv "$configuration.new" "$configuration"
fi
cd "$configuration" || echo "task logs: $configuration is missing; reading $PWD as it is" >&2
rm -rf "$tails" "$state/log"
mkfifo "$state/log"
first_limit=$(((DRAIN_TIMEOUT_SECONDS + 1) / 2)) # half of the time, as for each Vector of the drain
restarts=-1
[ ! -s "$state/restarts" ] || read -r restarts <"$state/restarts"
restarted

trap on_signal TERM INT
[ -z "$terminating" ] || drain

# A Vector that ends by itself (crash, out of memory, a configuration that it refuses) is started again after 1 s,
# then after 2 s, 4 s, ... 32 s. After a Vector that has run for a minute the delay is 1 s again.
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
