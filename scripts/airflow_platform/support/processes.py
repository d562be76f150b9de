"""Runs other programs so that none is left when a command is interrupted.

Each program has a process group of its own, with the programs that it starts in turn. On Ctrl-C,
SIGTERM and SIGHUP all groups are killed, whichever thread has started them, and the main thread
gets a KeyboardInterrupt. What ``started`` has started ends also if this process is killed.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from airflow_platform.support import guard

Command = Sequence[str | Path]

_IMPATIENT_SECONDS = 1.0  # some senders, such as `timeout`, send a signal twice

Process = subprocess.Popen[bytes]

_groups: set[int] = set()
_starting: set[int] = set()  # threads between the start of a program and its entry in _groups
_received: list[tuple[int, float]] = []  # signals, and when they came


def end_on_signals() -> None:
    """Make the signals that ask a command to end do so, unless the caller wants them ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)


def interrupted_code() -> int:
    """Return the exit code of a command that was interrupted: 128 and the number of the signal."""
    return 128 + (_received[0][0] if _received else signal.SIGINT)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if _received and now > _received[0][1] + _IMPATIENT_SECONDS:
        os._exit(128 + number)
    first = not _received
    _received.append((number, now))
    for group in tuple(_groups):
        _kill(group)
    if first and threading.get_ident() not in _starting:
        raise KeyboardInterrupt


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def start(
    command: Command,
    *,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    output: IO[bytes] | None = None,
) -> Process:
    """Start ``command``; ``end`` has to follow. Without ``output``, a file, pipes take its output.

    OSError when it cannot be started.
    """
    if _received:
        raise KeyboardInterrupt
    thread = threading.get_ident()
    _starting.add(thread)
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=output or subprocess.PIPE,
            stderr=output or subprocess.PIPE,
            process_group=0,
        )
        _groups.add(process.pid)
    finally:
        _starting.discard(thread)
    if _received:  # the signal came before the group was known
        end(process)
        raise KeyboardInterrupt
    return process


def end(process: Process) -> None:
    """Kill the group of ``process``, if it has not ended, and wait for it."""
    if process.poll() is None:
        _kill(process.pid)
        process.wait()
    _groups.discard(process.pid)


@contextmanager
def started(
    command: Command, *, env: Mapping[str, str] | None = None, output: IO[bytes] | None = None
) -> Iterator[Process]:
    """Start ``command`` as ``start`` does, and end it with the block."""
    process = start(command, env=env, output=output)
    try:
        guard.add("group", process.pid)
        yield process
    finally:
        end(process)
        guard.forget("group", process.pid)


def run(
    command: Command,
    *,
    given: str | None = None,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Return what ``command`` prints, as UTF-8, and its code; ``given`` is its standard input.

    subprocess.TimeoutExpired after ``timeout`` seconds; OSError when it cannot be started.
    """
    stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
    process = start(command, cwd=cwd, env=env, stdin=stdin)
    with process:  # closes the pipes
        try:
            out, err = process.communicate(None if given is None else given.encode(), timeout)
        finally:
            end(process)
    return subprocess.CompletedProcess(process.args, process.returncode, _text(out), _text(err))


def _text(output: bytes) -> str:
    return output.decode(errors="replace").replace("\r\n", "\n")
