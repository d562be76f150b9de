"""A command that is interrupted ends at once, without a traceback, and leaves no program behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airflow_platform.rendering.upstream import STAND_IN
from airflow_platform.support import processes, tools
from airflow_platform.support.cache import cache_dir

from ..doubles import vector as vector_double

PATIENCE_SECONDS = 30
COMMAND = Path(sys.executable).with_name("airflow-platform")

# Notes its process id and that of a program which it starts in turn, and then never ends.
HANGS = """\
#!/bin/sh
trap '' INT TERM
sleep 300 &
echo $$ >>"$NOTES"
echo $! >>"$NOTES"
wait
"""

Send = Callable[["subprocess.Popen[str]"], object]


def to_the_group(process: "subprocess.Popen[str]") -> None:
    """Send SIGINT as a terminal does on Ctrl-C."""
    os.killpg(process.pid, signal.SIGINT)


def to_the_command(process: "subprocess.Popen[str]") -> None:
    """Send SIGTERM as `kill` does."""
    process.terminate()


def twice(process: "subprocess.Popen[str]") -> None:
    """Send SIGTERM as `timeout` does: to the command, and then to its group."""
    process.terminate()
    os.killpg(process.pid, signal.SIGTERM)


SIGNALS = {"ctrl-c": (to_the_group, 130), "term": (to_the_command, 143), "timeout": (twice, 143)}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine where Helm and Go hang; what they leave is killed."""
    program = tmp_path / "bin" / "hangs"
    program.parent.mkdir()
    program.write_text(HANGS)
    program.chmod(0o755)
    for name in ("helm3", "helm4"):
        place = (
            tmp_path
            / "airflow-platform"
            / tools._target(tools.TOOLS[name]).relative_to(cache_dir())
        )
        place.parent.mkdir(parents=True)
        place.symlink_to(program)
    go = program.with_name("go")
    go.write_text(
        '#!/bin/sh\ncase $1 in version) echo "go version go1.99.0 linux/amd64" ;;'
        f' *) exec "{program}" ;; esac\n'
    )
    go.chmod(0o755)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    yield {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path),
        "AIRFLOW_CHART": str(STAND_IN),
        "NOTES": str(tmp_path / "notes"),
        "TMPDIR": str(temporary),
    }
    for pid in noted(tmp_path / "notes"):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def noted(notes: Path) -> list[int]:
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def interrupt(machine: dict[str, str]) -> Callable[..., None]:
    """Run a command, send a signal once programs of it run, and look at what is left."""
    notes = Path(machine["NOTES"])

    def run(
        *arguments: str,
        send: Send,
        code: int,
        programs: int = 2,
        once: Callable[[], object] = lambda: None,
    ) -> None:
        process = subprocess.Popen(
            [COMMAND, *arguments],
            env=machine,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        wait_until(lambda: len(noted(notes)) >= programs or process.poll() is not None)
        once()
        send(process)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == code, err
        assert "Traceback" not in err
        assert "KeyboardInterrupt" not in err
        assert len(noted(notes)) >= programs, err
        wait_until(lambda: not any(map(alive, noted(notes))))
        assert not list(Path(machine["TMPDIR"]).iterdir())

    return run


@pytest.mark.parametrize(("send", "code"), SIGNALS.values(), ids=SIGNALS)
def test_helm_is_ended(interrupt: Callable[..., None], send: Send, code: int) -> None:
    interrupt("render", "dev", send=send, code=code)


def test_a_build_is_ended(interrupt: Callable[..., None]) -> None:
    interrupt("tools", "actionlint", send=to_the_group, code=130)


@pytest.mark.parametrize("signal_name", ["ctrl-c", "term"])
def test_programs_that_other_threads_have_started_are_ended(
    interrupt: Callable[..., None], signal_name: str
) -> None:
    send, code = SIGNALS[signal_name]
    interrupt("lint", send=send, code=code, programs=4)


def test_a_sidecar_is_ended(
    interrupt: Callable[..., None], machine: dict[str, str], tmp_path: Path
) -> None:
    working = vector_double.install(tmp_path)
    vector = tmp_path / "bin" / "vector"
    vector.write_text(
        f'#!/bin/sh\n[ "$1" != --version ] || exec {working} --version\n'
        f'echo $$ >>"{machine["NOTES"]}"\nexec {working}\n'
    )
    vector.chmod(0o755)
    arguments = ["bench", "capture", "--method", "drain"]
    interrupt(*arguments, send=to_the_command, code=143, programs=1)


def test_waiting_for_a_server_is_ended(interrupt: Callable[..., None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ExitStack() as connections:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        def accept() -> None:
            connections.enter_context(silent.accept()[0])

        arguments = ["verify-logs", "--loki", url, "--airflow", url, "--dag", "any"]
        interrupt(*arguments, send=to_the_group, code=130, programs=0, once=accept)


def test_a_program_that_takes_too_long_is_ended(machine: dict[str, str]) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        processes.run(["hangs"], env=machine, timeout=0.5)
    (*_, started) = noted(Path(machine["NOTES"]))
    wait_until(lambda: not alive(started))


def test_a_caller_that_ignores_a_signal_is_obeyed(machine: dict[str, str]) -> None:
    """As a shell does for a program that it starts in the background."""
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$0" render dev', COMMAND],
        env=machine,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    wait_until(lambda: noted(Path(machine["NOTES"])))
    os.killpg(process.pid, signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.terminate()
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 143


def test_standard_input_and_output_are_utf8() -> None:
    done = processes.run(["cat"], given="žluťoučký kůň\r\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "žluťoučký kůň\n", "")


def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        processes.run(["/nonexistent/program"])
