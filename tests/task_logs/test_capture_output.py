"""capture-output.sh: a copy of what a container prints, and nothing else changed."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from airflow_platform.support.project import ADDON

PROGRAM = ADDON / "files" / "task-logs" / "capture-output.sh"
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash"]}


@pytest.fixture(params=SHELLS)
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The program in one shell, up to the entrypoint."""
    shell = SHELLS[request.param]
    if not shutil.which(shell[0]):
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {shell[0]}")
        pytest.skip(f"{shell[0]} is not on PATH")
    return [*shell, str(PROGRAM), str(tmp_path / "output" / "output.log")]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "output" / "output.log"


def test_output_exit_code_and_arguments_stay(command: list[str], copy: Path) -> None:
    script = 'printf "%s|" "$@"; echo warning >&2; exit 7'
    done = subprocess.run(
        [*command, "sh", "-c", script, "sh", "two words", "*"], capture_output=True, text=True
    )
    assert done.returncode == 7
    assert done.stdout == "two words|*|warning\n"
    assert copy.read_text() == done.stdout


def test_signals_reach_the_entrypoint_and_its_exit_code_comes_back(
    command: list[str], copy: Path
) -> None:
    script = 'trap "echo stopped; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
    process = subprocess.Popen([*command, "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n", "output is not held back"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == "stopped\n"
    assert process.returncode == 5
    assert copy.read_text() == "ready\nstopped\n"


def test_the_copy_is_bounded_and_the_output_is_not(command: list[str], copy: Path) -> None:
    done = subprocess.run([*command, "seq", "1000000"], capture_output=True, text=True)
    assert done.stdout.endswith("\n1000000\n")
    assert 1_000_000 < copy.stat().st_size <= 2 * 1024 * 1024
    assert done.stdout.startswith(copy.read_text())


def test_a_copy_that_cannot_be_made_does_not_keep_the_entrypoint_from_running(
    command: list[str],
) -> None:
    command[-1] = "/proc/nowhere/output.log"
    done = subprocess.run(
        [*command, "sh", "-c", "echo ran; exit 3"], capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("ran\n", 3)


def test_a_process_left_behind_does_not_hold_the_container(command: list[str]) -> None:
    script = "sleep 60 >&2 & echo done"
    process = subprocess.Popen(
        [*command, "sh", "-c", script], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        assert process.wait(timeout=30) == 0
    finally:
        os.killpg(process.pid, signal.SIGKILL)
