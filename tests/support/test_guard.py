"""What a command leaves behind when it is killed is cleaned up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from airflow_platform.support import guard_program

_SECONDS = 30.0

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
print("ended", flush=True)
sys.stdin.read()
"""


def keeps(how: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", KEEPS, how]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def is_there(pid: str) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False


def wait_until_gone(directory: str, *pids: str) -> None:
    give_up = time.monotonic() + _SECONDS
    while Path(directory).exists() or any(map(is_there, pids)):
        assert time.monotonic() < give_up, (directory, pids)
        time.sleep(0.05)


def test_what_a_killed_command_has_started_and_made_is_gone() -> None:
    with keeps("stays") as command:
        assert command.stdout
        directory, *pids = command.stdout.readline().split()
        assert len(pids) == 2
        assert Path(directory).exists()
        assert all(map(is_there, pids))
        command.kill()
        wait_until_gone(directory, *pids)


def test_a_removal_that_is_interrupted_is_finished_before_the_command_has_ended() -> None:
    with keeps("is interrupted") as command:
        directory, *pids = command.communicate(timeout=_SECONDS)[0].split()
    assert command.returncode
    assert not Path(directory).exists()
    assert not any(map(is_there, pids))


def test_what_has_ended_is_left_alone() -> None:
    with keeps("ends") as command:
        assert command.stdout
        directory, *pids = command.stdout.readline().split()
        assert command.stdout.readline() == "ended\n"
        assert not any(map(is_there, pids))
        # Somebody else has the name now.
        Path(directory).mkdir()
        command.kill()
    time.sleep(0.5)
    assert Path(directory).exists()
    Path(directory).rmdir()


def test_a_directory_is_removed_as_soon_as_nobody_writes_to_it(tmp_path: Path) -> None:
    """As cgroups that have processes, it cannot be removed at first."""
    directory = tmp_path / "busy"
    directory.mkdir()
    mount = subprocess.run(["mount", "--bind", directory, directory], check=False)
    program = [sys.executable, "-I", "-S", guard_program.__file__]
    with subprocess.Popen(program, stdin=subprocess.PIPE, text=True) as guard:
        assert guard.stdin
        guard.stdin.write(f"+ directory {directory}\n")
        guard.stdin.close()
        if mount.returncode == 0:
            time.sleep(0.5)
            assert directory.exists()
            subprocess.run(["umount", directory], check=True)
        assert guard.wait(_SECONDS) == 0
    assert not directory.exists()


def test_the_signals_of_a_terminal_do_not_end_it(tmp_path: Path) -> None:
    directory = tmp_path / "left"
    directory.mkdir()
    program = [sys.executable, "-I", "-S", guard_program.__file__]
    with subprocess.Popen(program, stdin=subprocess.PIPE, text=True) as guard:
        assert guard.stdin
        guard.stdin.write(f"+ directory {directory}\n")
        guard.stdin.flush()
        time.sleep(0.3)  # it has started
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(guard.pid, number)
        guard.stdin.close()
        assert guard.wait(_SECONDS) == 0
    assert not directory.exists()
