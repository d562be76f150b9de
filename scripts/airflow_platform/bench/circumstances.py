"""The circumstances of a measurement, on which its numbers depend."""

import os
import platform

# Airflow needs at least this long before a task writes its first line. Vector, idle until then,
# looks for new files every two seconds, so the runs begin at different moments of two seconds.
_IMPORT_SECONDS = 5.0
_LOOK_SECONDS = 2.0


def machine() -> str:
    """Return what this machine is, and how busy it is."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} CPUs, {platform.platform()}, load {load:.1f} at the start"


def import_seconds(turn: int, repeat: int) -> float:
    """Return how long a task of run ``turn`` (from 0) of ``repeat`` waits before its first line."""
    return _IMPORT_SECONDS + _LOOK_SECONDS * turn / repeat
