"""What a real node needs of this machine."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError

# The programs, and the package of Debian that has each.
_PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "busybox": "busybox",
    "dash": "dash",
    "nc.traditional": "netcat-traditional",
    "unshare": "util-linux",
    "ldd": "libc-bin",
}
_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
# What runs behind this command takes its processes and its mounts with it when it ends.
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
CGROUPS = Path("/sys/fs/cgroup")


class NodeMissingError(PlatformError):
    """A machine cannot run a node; the message names all that is missing."""


def require() -> None:
    """NodeMissingError when something is missing."""
    if missing := list(_missing()):
        raise NodeMissingError(f"A node cannot run here: {'; '.join(missing)}.")


def _missing() -> Iterator[str]:
    if os.geteuid():
        yield "it has to be started by root"
    packages = {package for name, package in _PROGRAMS.items() if not shutil.which(name)}
    if packages:
        yield f"install the packages {' '.join(sorted(packages))} (names of Debian)"
    elif processes.run([*ALONE, "true"]).returncode:
        yield f"{' '.join(ALONE)} true has to succeed"
    if absent := [name for name in _CONTROLLERS if not _has_controller(name)]:
        yield f"{CGROUPS} has no controller for {', '.join(absent)} that can be written to"


def is_cgroup2() -> bool:
    """Return whether this machine has the second version of cgroups alone."""
    return (CGROUPS / "cgroup.controllers").exists()


def _has_controller(name: str) -> bool:
    if is_cgroup2():
        there = name in (CGROUPS / "cgroup.controllers").read_text().split()
        return there and os.access(CGROUPS, os.W_OK)
    return os.access(CGROUPS / name, os.W_OK)
