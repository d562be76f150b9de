"""Cleans up for this process if it is killed: another one ends programs and removes directories.

It is told of them one by one, and looks at nothing before this process has ended.
"""

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Literal

_PROGRAM = Path(str(files(__package__) / "guard_program.py"))
_END_SECONDS = 30.0

_lock = threading.Lock()
_running: "list[subprocess.Popen[bytes]]" = []  # one, once it has something to do

Kind = Literal["group", "directory"]


def add(kind: Kind, name: object) -> None:
    """Let a process group, by its id, or a directory, by its path, end with this process.

    Cgroups that are called like the directory are removed with it.
    """
    _tell("+", kind, name)


def forget(kind: Kind, name: object) -> None:
    """Say that there is no such group, or directory, any more."""
    _tell("-", kind, name)


@contextmanager
def temporary_directory(prefix: str) -> Iterator[Path]:
    """Make a directory. It is removed with the block; by others, if that is interrupted."""
    with tempfile.TemporaryDirectory(prefix=prefix) as directory:
        add("directory", directory)
        yield Path(directory)
    forget("directory", directory)


def remove(directory: Path) -> None:
    """Remove a directory. What an interruption leaves of it is removed by others."""
    add("directory", directory)
    shutil.rmtree(directory)
    forget("directory", directory)


def _tell(change: str, kind: Kind, name: object) -> None:
    with _lock, suppress(BrokenPipeError):  # somebody has killed it
        if not _running:
            _running.append(_start())
        stdin = _running[0].stdin
        assert stdin
        if stdin.closed:  # this process ends, and all is cleaned up
            return
        line = json.dumps([change, kind, str(name)])  # ASCII on one line, whatever the name
        stdin.write(f"{line}\n".encode())
        stdin.flush()


def _start() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-I", "-S", str(_PROGRAM)]
    # What kills the group of this process is not meant for it.
    guard = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0
    )
    atexit.register(_end, guard)
    return guard


def _end(guard: "subprocess.Popen[bytes]") -> None:
    """Wait until it has cleaned up what is left, which is nothing unless this was interrupted."""
    assert guard.stdin
    with suppress(BrokenPipeError):
        guard.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        guard.wait(_END_SECONDS)
