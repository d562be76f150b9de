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
# This program exits with 0 only when every byte is proved to be delivered, else with 1 and a termination message.
# What could not be looked at before the deadline counts as missing. A checkpoint proves nothing when its file was
# emptied, removed or replaced: audit.awk tells which. A task that has run and left no log file at all counts as a
# loss, too: see no_log_file. This program never exits before SIGTERM: the kubelet would wait before it restarts the
# container, and a task that ends meanwhile would have no drain.
#
# The program needs a POSIX sh with find, stat, awk and the like (busybox has all), and `nc -u` for the metrics.
# audit.awk is next to it.
#
# Vector gets two times in seconds since the epoch, for lines without a time of their own: SIDECAR_STARTED_AT, when the
# sidecar of this pod has first started, and READ_AT, when SIGTERM came, in all that start after it. So a line that is
# sent again has the same time again.
#
# Settings (environment):
#   DRAIN_TIMEOUT_SECONDS  25                  the most seconds between SIGTERM and exit; at least 2
#   LOG_ROOT               /opt/airflow/logs
#   DATA_DIR               /var/lib/vector     `data_dir` of vector.yaml; also holds this program's own files
#   SOURCE_ID              task_logs           the file source in vector.yaml
#   MAX_LINE_BYTES         1048576             `max_line_bytes` of that source
#   MAX_READ_BYTES         262144              `max_read_bytes` of that source
#   RESEND_MAX_BYTES       33554432            log files that have more bytes in all are not sent again
#   MEMORY_DIR             /dev/shm            takes the place of DATA_DIR when that is full
#   STATSD_HOST                                where the metrics of the report are sent; empty: nowhere
#   STATSD_PORT            9125
#   STATSD_PREFIX          airflow             prefix of the names of these metrics
#   DAG_ID, TASK_ID                            tags of these metrics; empty: no tags. Only a task's own pod has them
#   START_MARKED                               true: $DATA_DIR/base-started exists once the task's container has started
#   POD_UID                pod                 the pod to which this program's copy of the configuration belongs
#   TERMINATION_LOG        /dev/termination-log
#   VECTOR_BIN             vector
#   VECTOR_CONFIG          vector.yaml         read by Vector, as are all variables VECTOR_*

terminating=${1-}
trap 'terminating=1' TERM INT # before all else: the kernel ignores a signal that PID 1 has no handler for
set -u

# Credentials for Loki. A task can make a link in the log folder to any file of this container, such as
# /proc/1/environ, and Vector follows it. So no file has them and, when Vector runs, no environment: this program
# starts itself again without them, and each Vector reads them from a pipe that is empty before Vector opens a log
# file. They are JSON for Vector's secret backend `exec`; each text is quoted once more, for vector.yaml.
credentials=''
if [ $# -gt 0 ]; then
  credentials=$(cat)
elif [ -n "${LOKI_USERNAME-}${LOKI_PASSWORD-}${LOKI_TOKEN-}${LOKI_CLIENT_CERTIFICATE-}${LOKI_CLIENT_KEY-}" ]; then
  credentials=$(awk '
    function quoted(text) { gsub(/["\\]/, "\\\\&", text); return text }
    BEGIN {
      for (name in ENVIRON) if (name ~ /^LOKI_(USERNAME|PASSWORD|TOKEN|CLIENT_CERTIFICATE|CLIENT_KEY)$/) {
        sub(/[ \t\r\n]+$/, "", ENVIRON[name])
        lines = split(ENVIRON[name], line, "\n")
        value = ""
        for (i = 1; i <= lines; i++) value = value (i > 1 ? "\\\\n" : "") quoted(quoted(line[i]))
        list = list ",\"" name "\":{\"value\":\"" value "\",\"error\":null}"
      }
      print "{" substr(list, 2) "}"
    }')
  unset LOKI_USERNAME LOKI_PASSWORD LOKI_TOKEN LOKI_CLIENT_CERTIFICATE LOKI_CLIENT_KEY
  exec /bin/sh "$0" "$terminating" <<EOF
$credentials
EOF
fi

: "${DRAIN_TIMEOUT_SECONDS:=25}" "${LOG_ROOT:=/opt/airflow/logs}" "${DATA_DIR:=/var/lib/vector}"
: "${SOURCE_ID:=task_logs}" "${MAX_LINE_BYTES:=1048576}" "${MAX_READ_BYTES:=262144}"
: "${RESEND_MAX_BYTES:=33554432}" "${MEMORY_DIR:=/dev/shm}"
: "${STATSD_HOST:=}" "${STATSD_PORT:=9125}" "${STATSD_PREFIX:=airflow}" "${DAG_ID:=}" "${TASK_ID:=}" "${POD_UID:=pod}"
: "${START_MARKED:=}"
: "${TERMINATION_LOG:=/dev/termination-log}" "${VECTOR_BIN:=vector}" "${VECTOR_CONFIG:=vector.yaml}"
# Vector's defaults are a thread for each CPU of the node and chunks of 1000 events. With these, Vector reads a burst
# of lines faster than it handles Loki's acknowledgements, and its memory grows with the burst. But Vector copies the
# programs of its steps for each few chunks, so small chunks cost time: 5 events twice as much for each line as 64.
: "${VECTOR_THREADS:=1}" "${VECTOR_CHUNK_SIZE_EVENTS:=64}"
: "${VECTOR_LOG:=warn}" # watch_log reads warnings and errors from Vector's log
export VECTOR_CONFIG VECTOR_THREADS VECTOR_CHUNK_SIZE_EVENTS VECTOR_LOG
export VECTOR_LOG_FORMAT=text VECTOR_COLOR=never # the form that watch_log reads

# use_data DIRECTORY: sets the names of all that this program and Vector write.
use_data() {
  data=$1
  checkpoints=$data/$SOURCE_ID/checkpoints.json
  export tails="$data/tails" # copies of lines that Vector could not read in their place: end_last_lines, keep_removed
  state=$data/drain          # what this program has to know after a restart of the container
  redacted_lines=$data/redacted # Vector writes the names of patterns to it, one line for each log line that it redacts
  unrecognised_lines=$data/unrecognised # the same for each log line in which it found no time
}

use_data "$DATA_DIR"
audit_program=$(cat "${0%/*}/audit.awk") # before an upgrade of the release can replace it

# --- Time: centiseconds since boot. The `date` of busybox has no fractions, and jumps when the clock is set. --

read_clock() {
  read -r uptime _ </proc/uptime
  now=$((${uptime%.*} * 100 + 1${uptime#*.} - 100)) # 108 - 100, because the shell would read 08 as an octal number
}

# --- Vector ---------------------------------------------------------------------------------------------------

vector='' reader='' starting='' stuck='' links='' sent='' excluded='' included=''

# start_vector LIMIT: starts a Vector that may go on delivering for LIMIT seconds after its SIGTERM.
start_vector() {
  starting=1 # on_signal does not drain now, because it could not stop a Vector whose process id is not known yet
  sent=''
  excluded=$(irregular_files)
  if [ -p "$state/log" ]; then
    run_vector "$1" >"$state/log" &
    vector=$!
    watch_log <"$state/log" &
    reader=$!
  else # there is no room even for a pipe
    run_vector "$1" &
    vector=$!
    reader='' unwatched=1
  fi
  starting=''
}

run_vector() {
  if [ -n "$excluded$included" ] || [ "$data" != "$DATA_DIR" ]; then
    write_config && VECTOR_CONFIG=$state/vector.yaml
  fi
  export VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS="$1"
  exec "$VECTOR_BIN" 2>&1 3<<EOF
$credentials
EOF
}

# Writes a copy of the configuration for a Vector that uses $data, does not open the files of $excluded, and reads only
# the files of $included where that is not empty.
write_config() {
  {
    printf '%s\n' "s|$DATA_DIR|$data|g" "/^  $SOURCE_ID:\$/,/^  [^ ]*:\$/{"
    [ -z "$excluded" ] || printf '%s\n' "s|^    exclude: \[\]\$|    exclude: [$(yaml_list "$excluded")]|"
    [ -z "$included" ] ||
      printf '%s\n' "s|^    include:\$|    include: [$(yaml_list "$included")\"$tails/**/*.log*\"]|" '/^    - /d'
    echo '}'
  } | sed -f - "$VECTOR_CONFIG" >"$state/vector.yaml"
} 2>/dev/null

# Prints paths relative to the log folder as YAML, for the right side of the command s of sed.
yaml_list() { printf '%s\n' "$1" | sed "s|.*|\"$LOG_ROOT/&\",|" | tr -d '\n' | sed 's/[\\&|]/\\&/g'; }

# Prints Vector's log and notes two kinds of lost lines that the checkpoints do not show: lines that Loki refuses
# for good, because the next request that Loki accepts moves the checkpoint past them, and lines above
# max_line_bytes, which Vector skips. Fails when it could not note one.
watch_log() {
  unnoted=0
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
      *'Events dropped intentional=false count='*'Service call failed'*)
        count=${line##*count=}
        echo "${count%% *}" >>"$state/refused" || unnoted=1
        ;;
      *'Found line that exceeds max_line_bytes'*) [ -e "$state/oversized" ] || true >"$state/oversized" || unnoted=1 ;;
    esac
  done
  return "$unnoted"
}

running() { kill -0 "$1" 2>/dev/null; }

# Tells whether Vector has installed its signal handlers, so that SIGTERM makes it stop in order, even while it is
# still starting. The handler of SIGHUP is the last one that Vector installs
# (https://github.com/vectordotdev/vector/blob/v0.58.0/src/signal.rs). SIGHUP is bit 0 of SigCgt, so the last
# digit is odd; in this shell and its children that bit is never set.
catches_signals() { grep -q '^SigCgt:.*[13579bdf]$' "/proc/$1/status" 2>/dev/null; }

# Sends Vector one SIGTERM, after which it delivers what it has read and ends. A second SIGTERM would make it quit
# without delivering. Nothing is sent while Vector has no handler yet.
signal_vector() {
  [ -z "$sent" ] && catches_signals "$vector" || return 0
  kill -TERM "$vector" 2>/dev/null
  sent=1
}

# stop_vector LIMIT: waits for the end of Vector after SIGTERM. A Vector that still runs half a second after LIMIT, or
# at the deadline, is killed.
stop_vector() {
  [ -n "$vector" ] || return 0
  read_clock
  asked=$now
  kill_at=$((now + $1 * 100 + 50))
  [ "$kill_at" -lt "$deadline" ] || kill_at=$deadline
  while running "$vector"; do
    signal_vector
    read_clock
    if [ "$now" -ge "$kill_at" ]; then
      stuck=1
      kill -KILL "$vector" 2>/dev/null
      [ "$now" -lt $((deadline + 20)) ] || break # SIGKILL cannot end a process that hangs in a system call
    fi
    # Each pause starts a program, which takes processor time from Vector: so they get longer, up to an eighth of the
    # time that Vector has taken.
    centiseconds=$(((now - asked) / 8 + 1))
    [ "$centiseconds" -le 9 ] || centiseconds=9
    sleep "0.0$centiseconds"
  done
  # watch_log ends after Vector; its notes must be complete for the report.
  while [ -n "$reader" ] && running "$reader" && [ "$now" -lt "$deadline" ]; do sleep 0.01; read_clock; done
  if [ -n "$reader" ] && running "$reader"; then reader='' unwatched=1; fi
  close_log
  vector=''
}

# Keeps in mind whether watch_log has noted all that it had to note.
close_log() {
  [ -n "$reader" ] || return 0
  wait "$reader"
  [ $? != 1 ] || unwatched=1
  reader=''
}

# --- Log files ------------------------------------------------------------------------------------------------

# log_files FIND-EXPRESSION: finds what has the name of a file that Vector's file source reads. Keep the patterns the
# same as `include` in vector.yaml. Vector follows symbolic links, so the files behind them count as well, each once.
# The data directory may be a folder of the log directory; Vector's files in it are no logs. The time is limited,
# because a search may be slow.
log_files() {
  (cd "$LOG_ROOT" && timeout "${seconds:-1}" find "${links:--L}" . -type d \( -name lost+found -o \
    -inum "${data_inode:-0}" \) -prune -o \( -name 'attempt=*.log*' -o -path './scheduler/*.log' \
    -o -path './dag_processor/*.log' -o -path './dag_processor_manager/*.log' \) "$@") 2>/dev/null
}

newline='
'

# What audit.awk has to know of the log files. The last line is "end STATUS" when nothing was left out; STATUS is not
# 0 when something could not be read.
describe_files() {
  export TZ=UTC0 # of the times that stat prints
  [ ! -d "$tails" ] || (cd "$tails" && timeout "$seconds" find . -type f -exec stat -c 'tail %d %i %s %n' {} +)
  log_files ! -type d ! -type l -exec stat -L -c 'file %d %i %s %f %y %n' {} +
  status=$?
  if [ -n "$heads" ] && [ "$status" -lt 124 ]; then
    printf 'heads '
    log_files -type f -size +0c -exec head -v -c 128 {} + | tr '\000\t\n' '\001\004\002'
    echo
  fi
  [ "$status" -ge 124 ] || echo "end $status" # timeout ends with 124 or more when it has ended the search
}

# compare [AWK-VARIABLE=VALUE...] [part=checkpoints FILE]: runs audit.awk, which explains what it prints.
compare() {
  of_vector=$checkpoints seen=$state/seen forgotten=$state/forgotten
  [ -r "$of_vector" ] || of_vector=/dev/null
  [ -r "$seen" ] || seen=/dev/null
  [ -r "$forgotten" ] || forgotten=/dev/null
  describe_files 2>/dev/null | LC_ALL=C awk "$audit_program" kernel="$kernel" part=checkpoints RS='}' "$of_vector" "$@" RS='\n' \
    part=seen "$seen" part=forgotten "$forgotten" part=files -
}

# Compares the sizes of the log files with their acknowledged positions, and sets
#   files       the number of log files
#   written     the bytes in all log files
#   delivered   the bytes that Loki has accepted
#   behind      the most bytes that are missing of any one file
#   incomplete  the number of files that are not delivered to their end
#   complete    1 when all files were looked at
#   unreadable  not 0 when a file or directory could not be read
#   irregular   the number of pipes, devices and the like that have the name of a log file
#   outrun      the number of logs that were rotated so fast that a part may have come and gone unseen
#   details     lines "forget ID" and a line of text for each of these files
# When there is no time to look at all files, the numbers stay as they were, but for `complete`.
audit() {
  read_clock
  seconds=$(((deadline - now) / 100))
  [ "$seconds" -ge 1 ] || seconds=1
  result=$(compare first="$first" saved="$saved" resend_max="$RESEND_MAX_BYTES" "$@")
  read -r new_files new_written new_delivered new_behind new_incomplete complete gone unreadable new_irregular \
    new_outrun <<EOF
${result%%"$newline"*}
EOF
  if [ "${complete:=0}" = 1 ]; then
    files=$new_files written=$new_written delivered=$new_delivered behind=$new_behind
    incomplete=$new_incomplete irregular=$new_irregular outrun=$new_outrun
    details=${result#*"$newline"}
    [ "$details" != "$result" ] || details=''
    keep_gone
    first=0
  fi
  read_clock
}

# Adds the bytes of files that are gone to what is lost. They are counted once, because their checkpoints are forgotten.
keep_gone() {
  [ "${gone:-0}" -gt 0 ] || return 0
  lost=$((lost + gone))
  lost_lines="$lost_lines$(printf '%s\n' "$details" | grep '(removed or emptied before Loki had it)$')$newline"
}

# Tells whether there is the log file of a task, without starting a program.
task_has_file() {
  for file in "$LOG_ROOT"/*/*/*/attempt=* "$LOG_ROOT"/*/*/*/*/attempt=* "$LOG_ROOT"/attempt=*; do
    if [ -s "$file" ] || { [ -e "$file" ] && [ ! -f "$file" ]; }; then return 0; fi
  done
  return 1
}

# look WHO: keeps in mind what the log files are like, for audit.awk. The file that says so takes the place of the one
# before. WHO keeps the one that looks apart from another that was ended before it was ready.
look() {
  heads=1
  compare look=1 >"$state/seen.$1" && mv -f "$state/seen.$1" "$state/seen"
} 2>/dev/null

# Prints a glob pattern for each file that Vector must not open.
irregular_files() { sed -n 's/^irregular	//p' "$state/seen" 2>/dev/null; }

# Looks at the log files every few seconds while Vector runs. So audit.awk can tell later that a file was emptied,
# replaced or removed. Ends Vector when there are other irregular files than when it was started. A look takes a few
# milliseconds; the pauses are long where there are many files. The first look comes as soon as there is a file, before
# Vector has an acknowledgement of it.
watch_files() {
  polls=300
  while ! task_has_file && [ "$polls" -gt 0 ]; do
    sleep 0.2
    polls=$((polls - 1))
  done
  pause=1
  while :; do
    seconds=30
    read_clock
    begun=$now
    look watcher
    [ "$(irregular_files)" = "$excluded" ] || kill -KILL "$vector"
    read_clock
    [ $((now - begun)) -lt $((pause * 2)) ] || pause=$(((now - begun) / 2))
    [ "$pause" -le 30 ] || pause=30 # Vector forgets a file a minute after its end
    sleep "$pause"
    [ ! -s "$state/seen" ] || [ "$pause" -ge 4 ] || pause=$((pause * 2))
  done
}

# Vector reads a line only when the line ends in a newline (https://github.com/vectordotdev/vector/issues/18341). A
# task that was killed may leave a last line without one; this function appends the newline. To a file that it may
# not write it makes a copy of the last line instead, in $tails, which the file source reads as well. The copy is at
# OFFSET/PATH: OFFSET is the line's position in the log file, and PATH is the path of the log file, from which
# parse.vrl takes the ids of the task. A line above MAX_LINE_BYTES gets none: Vector would skip it. All this ends when
# half of the time is over.
end_last_lines() {
  read_clock
  last_second=$(((now + (deadline - now) / 2) / 100))
  seconds=$(((deadline - now) / 200 + 1))
  export last_second MAX_LINE_BYTES
  # shellcheck disable=SC2016 # the inner shell is meant to expand the variables
  links=-P log_files -type f -size +0c -print0 | (cd "$LOG_ROOT" && LC_ALL=C xargs -0 -n 500 sh -c '
    readable="" i=0
    for file; do
      i=$((i + 1))
      [ ! -r "$file" ] || readable="$readable \"\${$i}\""
    done
    eval "set -- $readable"
    [ $# -gt 0 ] || exit 0
    # A digit for each file: 1 if it ends in a newline, as nearly all do.
    ends=$(tail -q -c 1 "$@" | tr -c "\n" 0 | tr "\n" 1)
    [ "${#ends}" = $# ] || exit 0 # a file has become empty; there will be another pass
    case $ends in *0*) ;; *) exit 0 ;; esac
    for file; do
      end=$ends ends=${ends#?}
      case $end in 1*) continue ;; esac
      read -r uptime _ </proc/uptime
      [ "${uptime%.*}" -le "$last_second" ] || exit 255 # which makes xargs stop
      if [ -w "$file" ] && echo >>"$file"; then continue; fi
      length=$(tail -c $((MAX_LINE_BYTES + 1)) "$file" | tr "\000" 0 | awk "{ n = length(\$0) } END { print n }")
      [ "$length" -le "$MAX_LINE_BYTES" ] || continue
      copy=$tails/$(($(stat -c %s "$file") - length))/$file
      [ -e "$copy" ] || { mkdir -p "${copy%/*}" && { tail -c "$length" "$file" && echo; } >"$copy"; } || rm -f "$copy"
    done' sh) 2>/dev/null
}

# --- Files that were removed ---

# position_of ID: prints the acknowledged position of a file.
position_of() {
  position=$(grep -o "\[$1\]},\"position\":[0-9]*" "$checkpoints" 2>/dev/null)
  echo $((${position##*:} + 0))
}

# Vector keeps a file open that was removed before Vector has read it to its end. Such files are copied while Vector
# still runs, because afterwards nobody can read them.
save_removed() {
  removed=''
  # shellcheck disable=SC2010 # the names have a fixed form
  open_files=$(ls -l "/proc/$vector/fd" 2>/dev/null)
  case $open_files in *' (deleted)'*) ;; *) return 0 ;; esac
  while IFS= read -r entry; do
    case $entry in *" -> $LOG_ROOT/"*' (deleted)') ;; *) continue ;; esac
    path=${entry#*" -> $LOG_ROOT/"} path=${path% (deleted)} fd=${entry%%" -> "*} fd=/proc/$vector/fd/${fd##* }
    read -r id size <<END
$(stat -L -c '%d,%i %s' "$fd" 2>/dev/null)
END
    from=$(position_of "$id")
    [ "$from" -le "${size:=0}" ] || from=0
    read_clock
    [ "$from" -lt "$size" ] || continue
    if ! { [ "$now" -lt "$deadline" ] && [ $((size - from)) -le "$RESEND_MAX_BYTES" ] && mkdir -p "$state/removed" &&
      timeout $(((deadline - now) / 100 + 1)) tail -c +$((from + 1)) "$fd" >"$state/removed/$id"; }; then
      rm -f "$state/removed/$id"
    fi
    removed="$removed$id $from $size $path$newline"
  done <<EOF
$open_files
EOF
}

# Makes tails of those copies, of which Vector has not delivered all before it ended. What could not be copied is
# lost; it is noted in `lost` (bytes) and `lost_lines`.
keep_removed() {
  while read -r id from size path; do
    [ -n "$id" ] || continue
    saved="$saved $id"
    position=$(position_of "$id")
    [ "$position" -ge "$from" ] && [ "$position" -le "$size" ] || position=$from
    [ "$position" -lt "$size" ] || continue
    copy=$tails/$position/$path
    if [ -e "$state/removed/$id" ] && mkdir -p "${copy%/*}" &&
      tail -c +$((position - from + 1)) "$state/removed/$id" >"$copy"; then
      [ -z "$(tail -c 1 "$copy" | tr '\000' 0)" ] || echo >>"$copy"
    else
      rm -f "$copy"
      lost=$((lost + size - position))
      lost_lines="$lost_lines$((size - position)) of $size bytes missing: $path (removed)$newline"
    fi
  done <<EOF
$removed
EOF
  rm -rf "$state/removed"
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

# Removes the checkpoints that prove nothing, so that Vector reads their files from the beginning. What Vector
# acknowledges from then on counts, because the files do not change any more. The checkpoints of files that are gone
# go as well, because the next file may get one of their inodes.
forget_doubtful() {
  case $newline$details in *"$newline"forget\ *) ;; *) return 0 ;; esac
  printf '%s\n' "$details" | sed -n 's/^forget //p' >>"$state/forgotten" || return 0
  awk -v RS='}' '
    part == "forgotten" { forgotten[$0] = 1; next }
    match($0, /\[[0-9]+,[0-9]+\]$/) { id = substr($0, RSTART + 1, RLENGTH - 2) }
    /^,"position":/ && !(id in forgotten) {
      kept = kept sprintf("%s{\"fingerprint\":{\"dev_inode\":[%s]}%s}", kept == "" ? "" : ",", id, $0)
    }
    END { printf "{\"version\":\"1\",\"checkpoints\":[%s]}", kept }' part=forgotten RS='\n' "$state/forgotten" \
    part=checkpoints RS='}' "$checkpoints" >"$state/checkpoints.json" 2>/dev/null &&
    mv -f "$state/checkpoints.json" "$checkpoints"
  rm -f "${checkpoints%.json}.new.json" # Vector would prefer what an interrupted Vector was writing
}

# Waits for Vector while it has much left to read. Vector handles a signal after it has read at most MAX_READ_BYTES
# of each file, so a SIGTERM would end it too early when more than that is missing of one file. The wait ends when
# Vector has delivered nothing for 3 s, or after most of the time that was left. The looks at the files take at most
# a third of the time.
follow() {
  patience=$((now + 300))
  while [ "$behind" -gt "$MAX_READ_BYTES" ] && running "$vector" &&
    [ "$now" -lt "$patience" ] && [ "$now" -lt $((begun + limit * 100)) ]; do
    sleep 0.2
    [ "$cost" -lt 20 ] || sleep $((cost / 50 + 1))
    so_far=$delivered
    read_clock
    looked=$now
    audit
    cost=$((now - looked))
    [ "$delivered" -le "$so_far" ] || patience=$((now + 300))
  done
}

# When the task has left no log file, the copy of the container's output (see capture-output.sh) becomes the log
# file. Its path has no ids of a task, so parse.vrl takes them from the pod's annotations. The file may belong to
# another user, who lets nobody rename it; then it is copied.
take_captured_output() {
  output="$LOG_ROOT/.output/output.log"
  [ "$files" = 0 ] && [ -s "$output" ] || return 0
  [ -z "$(find "$output" -size +2047)" ] || captured=', the output of the task beyond 1 MiB was not kept'
  tail=$tails/0/.output/attempt=output.log
  if mv "$output" "$LOG_ROOT/.output/attempt=output.log" ||
    { mkdir -p "${tail%/*}" && timeout 5 head -c 1048576 "$output" >"$tail"; }; then
    [ ! -e "$tail" ] || [ -z "$(tail -c 1 "$tail" | tr '\000' 0)" ] || echo >>"$tail"
    ended=''
    audit
  else
    rm -f "$tail"
    captured=', the output of the task could not be read'
  fi 2>/dev/null
}

# Sets `limit`, the seconds for which a Vector may go on delivering. It gets nearly all of the time that
# is left, because Loki may need seconds for an answer; an eighth is kept for another connection when this one hangs.
time_limit() {
  reserve=$(((deadline - now) / 8))
  [ "$reserve" -ge 50 ] || reserve=50
  limit=$(((deadline - now - reserve) / 100))
  [ "$limit" -ge 1 ] || limit=1
}

drain() {
  trap : TERM INT # further signals do nothing; '' instead of : would make the next Vector ignore SIGTERM as well
  read_clock
  started=$now
  deadline=$((started + DRAIN_TIMEOUT_SECONDS * 100 - 100)) # the last second is for the report
  READ_AT=$((boot + now / 100)) # the time of lines without a time: the same in each pass, so that Loki stores them once
  export READ_AT
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null
  connect_statsd
  files=0 written=0 delivered=0 behind=0 incomplete=0 irregular=0 outrun=0 details='' first=1
  ended=1 removed='' saved='' lost=0 lost_lines='' captured='' offered=''
  if [ -n "$vector" ]; then
    save_removed
  fi
  # Audits do without the first bytes of the files, because the files do not change any more.
  seconds=$(((deadline - now) / 400 + 1))
  if look drain; then heads=''; fi
  # Links that lead in a circle, or to /, make this search too long, and Vector's as well.
  read_clock
  if [ $((now - started)) -ge $((seconds * 100)) ]; then links=-P first_limit=$((first_limit / 4 + 1)); fi
  if [ -n "$vector" ]; then
    # A Vector that has opened an irregular file may never end.
    [ "$(irregular_files)" = "$excluded" ] || kill -KILL "$vector" 2>/dev/null
    signal_vector
  fi
  end_last_lines # while Vector ends
  stop_vector "$first_limit"
  # Without room Vector could not write its checkpoints, and the same lines would be sent again and again.
  has_room || use_memory
  [ -z "$removed" ] || keep_removed
  looked=$now
  audit
  forget_doubtful
  cost=$((now - looked))
  deadline=$((deadline - cost)) # for the look at the files after the last Vector
  take_captured_output
  offer_again
  fruitless=0
  while [ "$incomplete" -gt 0 ] || [ "$complete" = 0 ]; do
    read_clock
    [ $((deadline - now)) -gt 30 ] || break # Vector could not start and deliver in less than 0.3 s
    before=$delivered
    forget_doubtful
    # A folder may have stopped Vector, such as a link that leads to itself. By their names it finds the files all the
    # same.
    [ -z "$stuck" ] || included=$(printf '%s\n' "$details" | sed -n 's/^include //p')
    [ -n "$ended" ] || end_last_lines
    ended=''
    read_clock
    begun=$now
    time_limit
    start_vector "$limit"
    follow
    stop_vector "$limit"
    audit
    offer_again
    # A Vector that took all of its limit could not reach Loki: the drain tries again until the deadline. A Vector
    # that ended earlier has delivered what it can: Loki refuses the rest for good, or Vector cannot run. The drain
    # gives up after four of these.
    if [ "$delivered" -gt "$before" ]; then
      fruitless=0
    elif [ $((now - begun)) -lt $((limit * 100)) ]; then
      fruitless=$((fruitless + 1)) stuck=1
      [ "$fruitless" -lt 4 ] || break
      sleep "0.$fruitless"
    fi
  done
  [ -z "$offered" ] || audit part=checkpoints "$state/accepted.json"
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
  seconds=1
  [ -z "$(log_files -type f)" ]
}

# Prints the number and the bytes of the lines above max_line_bytes, which Vector has skipped, and 1 when it could
# look at all files. The files are searched only when Vector's log said that there are such lines, and in pieces of
# 4096 bytes, because one such line may be larger than this container's memory.
oversized_lines() {
  [ -e "$state/oversized" ] || { echo 0 0 1; return; }
  read_clock
  seconds=$(((deadline - now) / 100))
  [ "$seconds" -gt 0 ] || { echo 0 0 0; return; }
  {
    begun=$now
    log_files -type f -size +"$MAX_LINE_BYTES"c -exec timeout "$seconds" cat {} + | tr '\n\000\001' '\001  '
    read_clock
    [ $((now - begun)) -ge $((seconds * 100)) ] || printf '\n\001all\n'
  } | fold -b -w 4096 |
    LC_ALL=C awk -F '\001' -v max="$MAX_LINE_BYTES" '
      $0 == "\001all" { all = 1; next }
      {
        bytes_in_line += length($1)
        for (i = 2; i <= NF; i++) {
          if (bytes_in_line > max) { lines++; bytes += bytes_in_line + 1 }
          bytes_in_line = length($i)
        }
      }
      END { printf "%d %.0f %d\n", lines, bytes, all }'
}

# Prints how many lines each pattern of redaction has changed; a line of the file has the names of one event.
redacted_by_pattern() {
  tr -d '"' <"$redacted_lines" | awk -F , '
    { for (i = 1; i <= NF; i++) lines[$i]++ }
    END { for (name in lines) printf "task logs: %d lines redacted by %s\n", lines[name], name }'
}

report() {
  read -r oversized oversized_bytes all_searched <<EOF
$(oversized_lines)
EOF
  delivered=$((delivered - oversized_bytes))
  written=$((written + lost))
  missing=$((written - delivered))
  refused=0
  [ ! -s "$state/refused" ] || refused=$(awk '{ n += $1 } END { printf "%d", n }' "$state/refused")
  redacted=0
  [ ! -s "$redacted_lines" ] || redacted=$(($(wc -l <"$redacted_lines")))
  unrecognised=0
  [ ! -s "$unrecognised_lines" ] || unrecognised=$(($(wc -l <"$unrecognised_lines")))
  read_clock
  milliseconds=$(((now - started) * 10))
  problems=$captured
  if [ -d "$LOG_ROOT" ] && [ "$complete" = 1 ] && [ "$unreadable" != 0 ]; then # a file may only have gone meanwhile
    seconds=1
    log_files >/dev/null
    case $? in
      0) ;;
      124 | 137 | 143) complete=0 ;;
      *) problems="$problems, not all directories can be read" ;;
    esac
  fi
  [ "$complete" = 1 ] || problems="$problems, not all files were looked at before the deadline"
  [ "$all_searched" = 1 ] || problems="$problems, lines above $MAX_LINE_BYTES bytes were not counted before the deadline"
  [ "$irregular" = 0 ] || problems="$problems, $irregular files are pipes, devices or the like and were not read"
  [ -z "$links" ] || problems="$problems, links were not followed because the search for files took too long"
  [ "$outrun" = 0 ] || problems="$problems, $outrun logs were rotated too fast to see all parts"
  [ -z "$unwatched" ] || problems="$problems, what Loki has refused could not be noted"
  without_file=0
  hint=''
  if no_log_file; then
    without_file=1
    hint="the task has left no log file below $LOG_ROOT. Look at Airflow's options logging.base_log_folder and\
 logging.log_filename_template, and at what the container base has printed, which\
 global.taskLogs.captureOutput.enabled: true would send to Loki"
  fi
  summary="task logs: $files files, $written bytes written, $delivered delivered, $missing missing, $refused lines\
 refused by Loki, $oversized lines above $MAX_LINE_BYTES bytes skipped, $restarts restarts of Vector, drained in $milliseconds ms$problems"
  echo "$summary"
  [ "$redacted" -eq 0 ] || redacted_by_pattern
  [ "$unrecognised" -eq 0 ] || echo "task logs: $unrecognised lines of a format that the sidecar does not know"
  send_statsd
  rm -rf "$state" "$redacted_lines" "$unrecognised_lines" # or the next pod on this data directory would report them again
  [ "$missing" -gt 0 ] || [ "$refused" -gt 0 ] || [ -n "$problems$hint" ] || exit 0
  {
    echo "$summary"
    [ -z "$hint" ] || echo "$hint"
    printf '%s' "$lost_lines"
    printf '%s\n' "$details" | grep -v -e '^forget ' -e '^include ' -e '^$' -e '(removed or emptied before Loki had it)$'
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
    [ -z "$problems" ] || metric unverified 1 c
    metric refused "$refused" c
    metric oversized "$oversized" c
    metric redacted "$redacted" c
    metric unrecognised "$unrecognised" c
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

has_room() { printf '%65536s' '' 2>/dev/null >"$state/room" && true >"$state/room"; }

# Puts Vector's data and this program's own into memory, because the data directory has no room.
use_memory() {
  from=$data
  [ "$from" = "$DATA_DIR" ] || return 0
  use_data "$MEMORY_DIR/task-logs-$POD_UID"
  if mkdir -p "$state" "$data/$SOURCE_ID" && write_config; then
    for file in "$SOURCE_ID/checkpoints.json" drain/seen drain/refused drain/oversized drain/restarts redacted unrecognised; do
      [ ! -e "$from/$file" ] || [ -e "$data/$file" ] || cp "$from/$file" "$data/$file"
    done
    [ -p "$state/log" ] || mkfifo "$state/log"
  else
    use_data "$from"
  fi
}

watcher='' unwatched=''
# Vector runs on a copy of the configuration, made when the pod starts. An upgrade of the release may change the
# ConfigMap while the pod runs, and the new configuration may need a Secret that this pod does not mount. The copy is
# in a directory named by the pod, because the data directory of a long-lived pod is used by the next pod as well.
configuration=$DATA_DIR/configuration/$POD_UID
if [ ! -d "$configuration" ]; then
  rm -rf "$DATA_DIR/configuration"
  mkdir -p "$configuration.new" && cp ./* "$configuration.new" && date +%s >"$configuration.new/started-at" &&
    mv "$configuration.new" "$configuration"
fi
cd "$configuration" || echo "task logs: $configuration is missing; reading $PWD as it is" >&2
read_clock
boot=$(($(date +%s) - now / 100)) # of this machine, in seconds since the epoch
# When this pod's sidecar has first started, for the time of lines without a time.
if [ -s started-at ]; then read -r SIDECAR_STARTED_AT <started-at; else SIDECAR_STARTED_AT=$((boot + now / 100)); fi
export SIDECAR_STARTED_AT
rm -rf "$tails" "$state/log"
{ mkdir -p "$state" && mkfifo "$state/log" && has_room; } 2>/dev/null || use_memory
# The data directory may be a folder of the log directory: see log_files.
read -r device data_inode other_device _ <<EOF
$(stat -L -c '%d %i' "$DATA_DIR" "$LOG_ROOT" 2>/dev/null | tr '\n' ' ')
EOF
[ "$device" = "$other_device" ] || data_inode=0
kernel=$(stat -c %d /proc /sys 2>/dev/null | tr '\n' ' ')
read_clock
deadline=$((now + DRAIN_TIMEOUT_SECONDS * 100 - 100))
time_limit
first_limit=$limit # of the Vector that SIGTERM finds
restarts=-1
[ ! -s "$state/restarts" ] || read -r restarts <"$state/restarts"
restarted

trap on_signal TERM INT
[ -z "$terminating" ] || drain

# A Vector that ends by itself (crash, out of memory, a configuration that it refuses) is started again after 1 s,
# then after 2 s, 4 s, ... 32 s. After a Vector that has run for a minute the delay is 1 s again. An irregular file may
# have ended it, so there is a look at the files before the next one starts. One that watch_files has ended is started
# again after 1 s, and is not counted.
delay=1
while :; do
  read_clock
  begun=$now
  start_vector "$first_limit"
  [ -z "$terminating" ] || drain
  watch_files &
  watcher=$!
  wait "$vector"
  code=$?
  kill "$watcher" 2>/dev/null
  read_clock
  [ $((now - begun)) -lt 6000 ] || delay=1
  if [ "$(irregular_files)" = "$excluded" ]; then
    by_itself=1 pause=$delay
    [ "$delay" -ge 32 ] || delay=$((delay * 2))
    echo "Vector has ended by itself with code $code; starting it again in $pause s"
  else
    by_itself='' pause=1
    echo "The pipes, devices and the like that are named like log files have changed; starting Vector again without them"
  fi
  close_log
  vector=''
  sleep "$pause" &
  wait $!
  seconds=5
  look restart &
  watcher=$!
  wait "$watcher"
  [ -z "$by_itself" ] || restarted
done
