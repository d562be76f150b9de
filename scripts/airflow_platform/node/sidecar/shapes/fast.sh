#!/bin/sh
# All lines at once, and the end.
write 1 "$3"
