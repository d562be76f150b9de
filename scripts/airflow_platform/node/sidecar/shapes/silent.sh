#!/bin/sh
# A line, a long silence, then all others at once, and the end. After ten seconds without a line Vector looks at a file
# every ten seconds only.
write 1 1
sleep 11
write 2 "$3"
