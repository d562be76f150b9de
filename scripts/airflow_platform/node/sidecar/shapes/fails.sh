#!/bin/sh
# All lines at once, and the end with code 1.
write 1 "$3"
exit 1
