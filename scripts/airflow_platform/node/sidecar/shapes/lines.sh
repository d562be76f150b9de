#!/bin/sh
# Comes before each shape: a task that writes a log file as Airflow does.
#
# usage: SHAPE LOG FORMAT LINES
#
# FORMAT is for printf, of the milliseconds and the number of a line. The first line has the number 1.
set -eu
log=$1
format=$2
newline="
"
mkdir -p "${log%/*}"

# write FROM TO [END]: writes these lines at once; END comes after the last one, a newline if it is not given.
write() {
  FORMAT=$format END=${3-$newline} awk -v from="$1" -v to="$2" 'BEGIN {
    for (n = from; n <= to; n++) printf ENVIRON["FORMAT"] (n < to ? "\n" : ENVIRON["END"]), n % 1000, n
  }' >>"$log"
}
