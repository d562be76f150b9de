#!/bin/sh
# All lines at once; the last one has no newline.
write 1 "$3" ''
