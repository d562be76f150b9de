"""The Vector that is measured."""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from airflow_platform.support.errors import PlatformError

_ANONYMOUS = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)


def find_vector() -> Path:
    """Return Vector's binary; raise PlatformError where there is none, or no /proc."""
    found = os.environ.get("VECTOR") or shutil.which("vector")
    if not found or not shutil.which(found):
        raise PlatformError("There is no Vector: set VECTOR to its binary, or put it on PATH.")
    if not Path("/proc/self/status").exists():
        raise PlatformError("Memory is read from /proc, which this system lacks: use Linux.")
    return Path(found).absolute()


def anonymous_bytes(pid: int) -> int:
    """Return the anonymous memory (RssAnon) of a process; 0 when it has ended."""
    with suppress(OSError):
        if found := _ANONYMOUS.search(Path(f"/proc/{pid}/status").read_text()):
            return int(found[1]) * 1024
    return 0
