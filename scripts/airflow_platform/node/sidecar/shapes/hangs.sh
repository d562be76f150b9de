#!/bin/sh
# All lines at once; then it hangs until somebody ends it.
write 1 "$3"
while :; do sleep 1; done
