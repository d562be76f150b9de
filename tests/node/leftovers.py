"""What a node could leave on its machine."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path


def leftovers(name: str) -> list[str]:
    """Return the processes, mounts, cgroups and directories of the node whose cgroup has a name."""
    return [*_processes(name), *_mounts(name), *_cgroups(name), *_directories(name)]


def _processes(name: str) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if name in command and int(process.name) != os.getpid():
            yield f"process {command}"


def _mounts(name: str) -> Iterator[str]:
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        if re.search(name, line):
            yield f"mount {line}"


def _cgroups(name: str) -> Iterator[str]:
    for cgroup in Path("/sys/fs/cgroup").glob(f"**/{name}"):
        yield f"cgroup {cgroup}"


def _directories(name: str) -> Iterator[str]:
    for directory in Path(tempfile.gettempdir()).glob(f"{name}*"):
        yield f"directory {directory}"
