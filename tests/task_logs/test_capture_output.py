"""capture-output.sh: a copy of what a task's container prints, and nothing else changed.

The command is that of a rendered container, with `env` for the entrypoint of the image: it runs
what the arguments say.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from .shipped import shipped
from .sidecar import replaced

Start = Callable[[str], "subprocess.Popen[str]"]
SHELLS = {"dash": "dash", "busybox": "busybox sh", "bash": "bash"}
FORWARDED = ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2")


@pytest.fixture
def config_map(tmp_path: Path) -> Path:
    """Where the container has the ConfigMap."""
    directory = tmp_path / "config-map"
    directory.mkdir()
    for name, text in shipped().files.items():
        (directory / name).write_text(text)
    return directory


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, program: Callable[[str], Path], tmp_path: Path) -> Path:
    """The container's /bin/sh."""
    program(request.param)
    shell = tmp_path / "sh"
    shell.write_text(f'#!/bin/sh\nexec {SHELLS[request.param]} "$@"\n')
    shell.chmod(0o755)
    return shell


@pytest.fixture
def command(shell: Path, tmp_path: Path, config_map: Path) -> list[str]:
    """The container's command in one shell, up to the arguments."""
    return command_with(["/usr/bin/env"], {"/bin/sh": shell}, tmp_path, config_map)


def command_with(
    entrypoint: list[str], programs: Mapping[str, Path], tmp_path: Path, config_map: Path
) -> list[str]:
    """The container's command, with other programs in place of those of the image."""
    task = shipped({"captureOutput": {"enabled": True, "entrypoint": entrypoint}}).task
    mounts = {mount["name"]: mount["mountPath"] for mount in task["volumeMounts"]}
    places = {
        mounts["task-logs-config"]: str(config_map),
        mounts["logs"]: str(tmp_path / "logs"),
        **{there: str(here) for there, here in programs.items()},
    }
    return ["env", "--default-signal", *replaced(task["command"], places)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The file in which the drain looks for the copy."""
    found = re.search(r"\$LOG_ROOT/(\S+\.log)\"", shipped().files["drain.sh"])
    assert found
    return tmp_path / "logs" / found[1]


@pytest.fixture
def no_grace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets no `sleep` on PATH take its time; returns the file with their arguments."""
    kept, directory = tmp_path / "sleeps", tmp_path / "tools"
    directory.mkdir()
    (directory / "sleep").write_text(f'#!/bin/sh\necho "$1" >>"{kept}"\n')
    (directory / "sleep").chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return kept


@pytest.fixture
def start(command: list[str]) -> Iterator[Start]:
    """Starts the container with a shell script for the entrypoint; ends it with the test."""
    started = []

    def start_one(script: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*command, "sh", "-c", script],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def run(command: list[str], script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, "sh", "-c", script], capture_output=True, text=True)


def test_output_exit_code_and_arguments_stay(command: list[str], copy: Path) -> None:
    script = 'printf "%s|" "$@"; echo warning >&2; exit 7'
    done = subprocess.run(
        [*command, "sh", "-c", script, "sh", "two words", "*"], capture_output=True, text=True
    )
    assert done.returncode == 7
    assert done.stdout == "two words|*|warning\n"
    assert done.stderr == ""
    assert copy.read_text() == done.stdout


@pytest.mark.parametrize("name", FORWARDED)
def test_a_signal_reaches_the_entrypoint_and_its_exit_code_comes_back(
    start: Start, copy: Path, name: str
) -> None:
    process = start(f'trap "echo stopped; exit 5" {name}; echo ready; while :; do sleep 0.02; done')
    assert process.stdout
    assert process.stdout.readline() == "ready\n", "output is not held back"
    process.send_signal(signal.Signals[f"SIG{name}"])
    assert process.communicate(timeout=20)[0] == "stopped\n"
    assert process.returncode == 5
    assert copy.read_text() == "ready\nstopped\n"


def test_each_signal_reaches_an_entrypoint_that_goes_on(start: Start) -> None:
    process = start(
        'trap "echo again" TERM; trap "exit 3" INT; echo ready; while :; do sleep 0.02; done'
    )
    assert process.stdout
    said = [process.stdout.readline()]
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        said.append(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 3
    assert said == ["ready\n", "again\n", "again\n"]


def test_a_signal_before_the_entrypoint_runs_reaches_it(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "tools"
    directory.mkdir()
    # The program asks `env true` just before it starts the entrypoint.
    (directory / "env").write_text(
        f'#!/bin/sh\n[ "$2" != true ] || kill -TERM $PPID\nexec {shutil.which("env")} "$@"\n'
    )
    (directory / "env").chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    process = start("while :; do sleep 0.02; done")
    assert process.wait(timeout=20) == 128 + signal.SIGTERM


@pytest.mark.parametrize("name", ["TERM", "KILL"])
def test_an_entrypoint_that_dies_of_a_signal(command: list[str], name: str) -> None:
    code = 128 + signal.Signals[f"SIG{name}"]
    assert run(command, f"kill -{name} $$").returncode == code


def test_an_entrypoint_that_is_not_there(command: list[str]) -> None:
    done = subprocess.run([*command, "/nonexistent"], capture_output=True, text=True)
    assert done.returncode == 127
    assert "/nonexistent" in done.stdout


@pytest.mark.parametrize("missing", ["tee", "mkfifo", "mkdir"])
def test_in_an_image_without_what_it_needs_the_entrypoint_runs_alone(
    program: Callable[[str], Path], config_map: Path, copy: Path, tmp_path: Path, missing: str
) -> None:
    image = tmp_path / "image"
    image.mkdir()
    for name in {"env", "mkdir", "mkfifo", "rm", "sleep", "tee"} - {missing}:
        (image / name).symlink_to(program(name))
    command = command_with(["env"], {"/bin/sh": program("dash")}, tmp_path, config_map)
    done = subprocess.run(
        [*command, str(program("dash")), "-c", "echo ran; exit 3"],
        capture_output=True,
        text=True,
        env={"PATH": str(image)},
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert not copy.exists()


def test_the_entrypoint_inherits_no_signal_as_ignored(command: list[str]) -> None:
    done = run(command, "grep SigIgn /proc/self/status")
    ignored = int(done.stdout.removeprefix("SigIgn:"), 16)
    # Others, such as those that the C library keeps for itself, cannot be set back.
    names = [name for name in FORWARDED if ignored >> (signal.Signals[f"SIG{name}"] - 1) & 1]
    assert names == []


def test_the_copy_is_bounded_and_the_output_is_not(command: list[str], copy: Path) -> None:
    done = subprocess.run([*command, "seq", "1000000"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1_000_000
    assert 2**20 <= copy.stat().st_size <= 2**21
    assert done.stdout.startswith(copy.read_text())


def test_a_container_that_is_started_again_copies_again(command: list[str], copy: Path) -> None:
    assert run(command, "echo first").stdout == "first\n"
    assert run(command, "echo second").stdout == "second\n"
    assert copy.read_text() == "second\n"


def test_a_copy_that_cannot_be_made_does_not_keep_the_entrypoint_from_running(
    command: list[str], copy: Path
) -> None:
    copy.parent.parent.write_text("a file in place of the directory")
    done = run(command, "echo ran; exit 3")
    assert (done.stdout, done.returncode) == ("ran\n", 3)


def test_a_missing_config_map_does_not_keep_the_entrypoint_from_running(
    command: list[str], config_map: Path, copy: Path
) -> None:
    (config_map / "capture-output.sh").unlink()
    done = run(command, "echo ran; exit 3")
    assert (done.stdout, done.stderr, done.returncode) == ("ran\n", "", 3)
    assert not copy.exists()


def test_a_process_left_behind_holds_the_container_for_two_seconds_at_most(
    start: Start, no_grace: Path
) -> None:
    assert start("exec tail -f /dev/null & echo done").wait(timeout=30) == 0
    assert no_grace.read_text() == "2\n"


def test_the_last_lines_are_waited_for(command: list[str], copy: Path) -> None:
    done = run(command, "seq 1 20000; echo last")
    assert done.stdout.endswith("\n20000\nlast\n")
    assert copy.read_text() == done.stdout


# --- With the init of Airflow's official images, /usr/bin/dumb-init -- /entrypoint ---

ENTRYPOINT = '#!/bin/sh\nexport FROM_ENTRYPOINT=1\nexec "$@"\n'
# A process that says what it inherits, and then waits for signals in a process group of its own.
SAYS = """
import os, signal, sys, time
status = open("/proc/self/status").read().splitlines()
print([line for line in status if line.startswith(("SigBlk", "SigIgn"))])
ours = ("_", "OLDPWD", "PWD", "SHLVL")
print(sorted(item for item in os.environ.items() if item[0] not in ours))
print("leads its session:", os.getsid(0) == os.getppid() or os.getsid(0) == os.getpid())
print("input:", repr(sys.stdin.read()))
def stop(number, _):
    print("got", number, flush=True)
    sys.exit(40 + number)
for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2"):
    signal.signal(getattr(signal, "SIG" + name), stop)
print("ready", flush=True)
while True:
    time.sleep(0.02)
"""


@pytest.fixture
def as_official(
    shell: Path, program: Callable[[str], Path], tmp_path: Path, config_map: Path
) -> tuple[list[str], list[str]]:
    """The command of a container of the official image: with our program, and without."""
    own = tmp_path / "entrypoint"
    own.write_text(ENTRYPOINT)
    own.chmod(0o755)
    entrypoint = ["/usr/bin/dumb-init", "--", "/entrypoint"]
    programs = {"/usr/bin/dumb-init": program("dumb-init"), "/entrypoint": own}
    captured = command_with(entrypoint, {"/bin/sh": shell, **programs}, tmp_path, config_map)
    alone = [str(programs.get(word, word)) for word in entrypoint]
    return captured, ["env", "--default-signal", *alone]


@pytest.mark.parametrize("name", FORWARDED)
def test_with_the_official_init_a_task_sees_and_says_the_same(
    as_official: tuple[list[str], list[str]], name: str
) -> None:
    said = []
    for command in as_official:
        process = subprocess.Popen(
            [*command, sys.executable, "-c", SAYS],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout
        lines = [*iter(process.stdout.readline, "ready\n")]
        process.send_signal(signal.Signals[f"SIG{name}"])
        rest, _ = process.communicate(timeout=20)
        said.append((lines, rest, process.returncode))
    captured, alone = said
    number = signal.Signals[f"SIG{name}"]
    assert alone[1:] == (f"got {number:d}\n", 40 + number)
    assert captured == alone


@pytest.mark.parametrize("script", ["exit 3", "kill -KILL $$", "kill -TERM $$", "/nonexistent"])
def test_with_the_official_init_the_exit_code_is_the_same(
    as_official: tuple[list[str], list[str]], script: str
) -> None:
    captured, alone = (run(command, script).returncode for command in as_official)
    assert captured == alone != 0
