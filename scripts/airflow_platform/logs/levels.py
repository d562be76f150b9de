"""The levels that the sidecar gives to lines."""

LEVELS = ("debug", "info", "warning", "error", "critical")  # the lowest first
