"""What guard.py starts. Needs nothing but Python.

Each line of its input is JSON: "+" or "-", "group" or "directory", and an id or a path. When the
input has ended, because the process that writes it has, it ends and removes what is left.
"""

import json
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_SECONDS = 20.0
_POLL_SECONDS = 0.2


def main() -> None:
    """Read what there is, and clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the end of the input is what counts
    left: dict[str, set[str]] = {"group": set(), "directory": set()}
    for line in sys.stdin:
        change, kind, name = json.loads(line)
        if change == "+":
            left[kind].add(name)
        else:
            left[kind].discard(name)
    for group in left["group"]:
        with suppress(OSError):  # one that cannot be ended does not save the others
            os.killpg(int(group), signal.SIGKILL)
    directories = left["directory"]
    give_up = time.monotonic() + _SECONDS
    # Again and again: what was killed may still write, and cgroups have their processes until then.
    while directories := {name for name in directories if not _removed(Path(name))}:
        if time.monotonic() > give_up:
            break
        time.sleep(_POLL_SECONDS)


def _removed(directory: Path) -> bool:
    shutil.rmtree(directory, ignore_errors=True)
    cgroups = [*_CGROUPS.glob(directory.name), *_CGROUPS.glob(f"*/{directory.name}")]
    for cgroup in cgroups:
        for each, _, _ in os.walk(cgroup, topdown=False):
            with suppress(OSError):
                Path(each).rmdir()
    return not any(each.exists() for each in (directory, *cgroups))


if __name__ == "__main__":
    main()
