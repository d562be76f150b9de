"""What a command leaves behind when it is killed is cleaned up."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_platform.support import guard_program
from airflow_platform.support.waiting import eventually

_SECONDS = 30.0
_POLL_SECONDS = 0.01

# Has a directory that somebody writes to, and a program in the background with a child of its own.
KEEPS = """
import shutil, sys, time
from pathlib import Path
from airflow_platform.support import guard, processes
with guard.temporary_directory("kept-") as directory:
    (directory / "file").touch()
    sleeps = ["sh", "-c", f"sleep 500 & echo $! >{directory / 'child'}; wait"]
    with processes.started(sleeps) as process:
        while not (directory / "child").exists() or not (directory / "child").read_text():
            time.sleep(0.01)
        print(directory, process.pid, (directory / "child").read_text().strip(), flush=True)
        if sys.argv[1] == "stays":
            time.sleep(500)
    if sys.argv[1] == "is interrupted":
        def interrupted(*_, **__):
            raise KeyboardInterrupt
        shutil.rmtree = interrupted
        for number in range(5000):  # which takes its time
            (directory / str(number)).touch()
print("ended", flush=True)
sys.stdin.read()
"""


@contextmanager
def keeps(how: str) -> "Iterator[tuple[subprocess.Popen[str], Path, list[str]]]":
    """Run the command; give it with its directory and the ids of its program and of the child."""
    arguments, pipe = [sys.executable, "-c", KEEPS, how], subprocess.PIPE
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as command:
        assert command.stdout
        directory, *pids = command.stdout.readline().split()
        yield command, Path(directory), pids


def is_there(pid: str) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False


def wait_until_gone(pids: list[str]) -> None:
    """What was killed may take its time to end."""
    eventually(lambda: not any(map(is_there, pids)), _SECONDS, f"{pids} run", poll=_POLL_SECONDS)


def wait_for_the_guard(command: "subprocess.Popen[str]") -> None:
    """It has the standard error of what it guards, and is the last one to close it."""
    assert command.stderr
    command.stderr.read()


def test_what_a_killed_command_has_started_and_made_is_gone() -> None:
    with keeps("stays") as (command, directory, pids):
        assert len(pids) == 2
        assert directory.exists()
        assert all(map(is_there, pids))
        command.kill()
        wait_for_the_guard(command)
    assert not directory.exists()
    wait_until_gone(pids)


def test_a_removal_that_is_interrupted_is_finished_before_the_command_has_ended() -> None:
    with keeps("is interrupted") as (command, directory, pids):
        assert command.wait(_SECONDS) != 0
        assert not directory.exists()
    wait_until_gone(pids)


def test_what_has_ended_is_left_alone() -> None:
    with keeps("ends") as (command, directory, pids):
        assert command.stdout
        assert command.stdout.readline() == "ended\n"
        wait_until_gone(pids)
        # Somebody else has the name now.
        directory.mkdir()
        command.kill()
        wait_for_the_guard(command)
    assert directory.exists()
    directory.rmdir()


@contextmanager
def guard_of(directory: Path) -> "Iterator[subprocess.Popen[str]]":
    """The program itself; the directory is one that it has to remove."""
    command = [sys.executable, "-I", "-S", guard_program.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as guard:
        assert guard.stdin
        guard.stdin.write(json.dumps(["+", "directory", str(directory)]) + "\n")
        guard.stdin.flush()
        yield guard
        guard.stdin.close()
        assert guard.wait(_SECONDS) == 0


def test_a_directory_that_is_busy_is_removed_later(tmp_path: Path) -> None:
    """As a cgroup that has processes, a mount cannot be removed at first."""
    directory = tmp_path / "busy"
    directory.mkdir()
    if subprocess.run(["mount", "--bind", directory, directory], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    file = directory / "file"
    file.touch()
    with guard_of(directory) as guard:
        assert guard.stdin
        guard.stdin.close()
        eventually(lambda: not file.exists(), _SECONDS, "nothing is removed", poll=_POLL_SECONDS)
        assert directory.exists()
        subprocess.run(["umount", directory], check=True)
    assert not directory.exists()


def test_any_name_is_understood(tmp_path: Path) -> None:
    directory = tmp_path / "a name of\ntwo lines, ü"
    directory.mkdir()
    with guard_of(directory):
        pass
    assert not directory.exists()


def test_a_signal_to_everything_does_not_end_it(tmp_path: Path) -> None:
    directory = tmp_path / "left"
    directory.mkdir()
    with guard_of(directory) as guard:
        last_of_three = signal.SIGHUP
        eventually(
            lambda: ignores(guard.pid, last_of_three), _SECONDS, "not ignored", poll=_POLL_SECONDS
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(guard.pid, number)
    assert not directory.exists()


def ignores(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (mask,) = re.findall(r"(?m)^SigIgn:\s*(\w+)$", status)
    return bool(int(mask, 16) >> number - 1 & 1)
