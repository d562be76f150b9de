"""The Vector that is measured."""

import re
from contextlib import suppress
from pathlib import Path

from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.vector import find_vector

_ANONYMOUS = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)


def measured_vector() -> Path:
    """Return Vector's binary; PlatformError where there is none, or no /proc."""
    if not Path("/proc/self/status").exists():
        raise PlatformError("Memory is read from /proc, which this system lacks: use Linux.")
    return find_vector()


def vector_version(vector: Path) -> str:
    """Return the version that Vector prints; PlatformError when it prints none."""
    try:
        done = processes.run([vector, "--version"])
    except OSError as error:
        raise PlatformError(f"{vector} cannot be run: {error.strerror}.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or "nothing"
        raise PlatformError(
            f"{vector} --version ended with code {done.returncode}, and said: {said}\n"
            "Set VECTOR to a Vector for this machine."
        )
    return done.stdout.strip()


def anonymous_bytes(pid: int) -> int:
    """Return the anonymous memory (RssAnon) of a process; 0 when it has ended."""
    with suppress(OSError):
        if found := _ANONYMOUS.search(Path(f"/proc/{pid}/status").read_text()):
            return int(found[1]) * 1024
    return 0
