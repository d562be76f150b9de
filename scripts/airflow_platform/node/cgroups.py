"""The cgroups of the node, of version 1 or 2."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airflow_platform.node.requirements import CGROUPS, is_cgroup2
from airflow_platform.support.errors import PlatformError

_NANOSECONDS = 10**9
_MICROSECONDS = 10**6
_EMPTY_SECONDS = 20.0
_POLL_SECONDS = 0.1
_CONTROLLERS = "+cpu +cpuset +memory +pids"
# By default all pods together get as much time as one process outside, for which no cgroup was
# made. With these (of version 1 and of version 2) they get as much as ten of those.
_SHARES = {"cpu.shares": "10240", "cpu.weight": "1000"}


def make(name: str) -> None:
    """Make the cgroup ``name``, in each hierarchy, for the pods of a node.

    PlatformError where that is not allowed, in most containers for example.
    """
    try:
        for root in _roots():
            (root / name).mkdir()
            _initialise(root, root / name)
    except OSError as error:
        raise PlatformError(f"The cgroup of a node cannot be made: {error}.") from None


def remove(name: str) -> None:
    """Remove a cgroup with those in it, after their processes. PlatformError if they stay."""
    give_up = time.monotonic() + _EMPTY_SECONDS
    while left := [root / name for root in _roots() if not _removed(root / name)]:
        if time.monotonic() > give_up:
            raise PlatformError(f"These cgroups still have processes: {', '.join(map(str, left))}")
        time.sleep(_POLL_SECONDS)


def _removed(cgroup: Path) -> bool:
    for each in _with_those_within(cgroup):
        with suppress(OSError):
            each.rmdir()
    return not cgroup.exists()


def _with_those_within(cgroup: Path) -> Iterator[Path]:
    """Yield the cgroups within, then the one that has them. They may go away meanwhile."""
    for each, _, _ in os.walk(cgroup, topdown=False):  # what is gone is passed over
        yield Path(each)


def _roots() -> list[Path]:
    """Return where each hierarchy is, once."""
    if is_cgroup2():
        return [CGROUPS]
    return [*{each.resolve() for each in CGROUPS.iterdir() if (each / "cgroup.procs").exists()}]


def _initialise(root: Path, cgroup: Path) -> None:
    """Let those in ``cgroup`` have all controllers, and processors and memory to run on."""
    if is_cgroup2():
        for each in (root, cgroup):
            (each / "cgroup.subtree_control").write_text(_CONTROLLERS)
    for name, share in _SHARES.items():
        if (cgroup / name).exists():
            (cgroup / name).write_text(share)
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not is_cgroup2() and (root / name).exists():
            (cgroup / name).write_text((root / name).read_text())


@dataclass(frozen=True)
class Cgroup:
    """The cgroup of a container: its path within each hierarchy."""

    path: str

    def cpu_seconds(self) -> float:
        """Return the processor time that was used so far."""
        if is_cgroup2():
            found = dict(line.split() for line in self._read("", "cpu.stat").splitlines())
            return int(found["usage_usec"]) / _MICROSECONDS
        return int(self._read("cpuacct", "cpuacct.usage")) / _NANOSECONDS

    def memory_bytes(self) -> int:
        """Return the memory in use, without files that the kernel keeps in it and may drop."""
        statistics = dict(line.split() for line in self._read("memory", "memory.stat").splitlines())
        inactive = statistics["inactive_file" if is_cgroup2() else "total_inactive_file"]
        name = "memory.current" if is_cgroup2() else "memory.usage_in_bytes"
        return max(int(self._read("memory", name)) - int(inactive), 0)

    def peak_memory_bytes(self) -> int:
        """Return the most memory that was in use, with such files."""
        name = "memory.peak" if is_cgroup2() else "memory.max_usage_in_bytes"
        return int(self._read("memory", name))

    def processes(self) -> list[int]:
        """Return the process ids, as this process sees them."""
        return [int(line) for line in self._read("memory", "cgroup.procs").split()]

    def _read(self, controller: str, name: str) -> str:
        root = CGROUPS if is_cgroup2() else CGROUPS / controller
        return (root / self.path / name).read_text()


def cgroup_of(name: str, container: str) -> Cgroup | None:
    """Return the cgroup of the container with this id, below the node's; None when it has ended."""
    root = CGROUPS if is_cgroup2() else CGROUPS / "memory"
    within = _with_those_within(root / name)
    found = next((each for each in within if each.name == container), None)
    return Cgroup(str(found.relative_to(root))) if found else None
