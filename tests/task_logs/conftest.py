"""A sidecar as the kubelet runs it: drain.sh with Vector or a double of it, on a task's files."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

TASK_LOGS = Path(__file__).parents[2] / "chart" / "files" / "task-logs"
DOUBLE = Path(__file__).with_name("vector_double.py")
# Everything that drain.sh may call: with busybox, nothing else is on its PATH.
TOOLS = (
    *("sh", "awk", "cat", "cp", "find", "fold", "grep", "head", "mkdir", "mkfifo", "mv", "rm"),
    *("sleep", "stat", "tail", "timeout", "tr", "wc"),
)
RUN_ID = "manual__2026-11-21T08:06:43+00:00"


def needed(program: str, package: str) -> str:
    """The path of a program; the test is skipped where it is missing, in CI it fails."""
    path = shutil.which(program)
    if path is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing(f"no {program} on PATH (Debian: apt-get install {package})")
    return path


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Polls until the condition holds; fails the test after so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.01)


@dataclass
class Outcome:
    """How a sidecar ended: exit code, termination message, output, seconds since SIGTERM."""

    code: int
    message: str
    output: str
    seconds: float


@dataclass
class Sidecar:
    """One pod's sidecar; `directory` holds its logs, data directory and configuration."""

    directory: Path
    shell: tuple[str, ...]
    path: str
    vector: Path
    config: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    earlier_starts: int = 0  # of Vector, by containers before this one

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def config_map(self) -> Path:
        """The sidecar's working directory, where the ConfigMap is mounted."""
        return self.directory / "config-map"

    def task_log(self, task: str = "hello", attempt: int = 1) -> Path:
        """The path of a task's log file; its directory is made."""
        path = (
            self.logs
            / "dag_id=demo"
            / f"run_id={RUN_ID}"
            / f"task_id={task}"
            / f"attempt={attempt}.log"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def plan(self, **faults: Any) -> None:
        """What goes wrong, for the double: see there."""
        (self.directory / "plan.json").write_text(json.dumps(faults))

    def without_power_over_files(self) -> None:
        """For tests that run as root: file permissions hold for this sidecar."""
        if os.getuid() == 0:
            setpriv = needed("setpriv", "util-linux")
            self.shell = (setpriv, "--bounding-set=-dac_override,-dac_read_search", *self.shell)

    def deny(self, path: Path, mode: int) -> None:
        """Gives a log file to another user, where that is possible, with this mode."""
        path.chmod(mode)
        if os.getuid() == 0:
            os.chown(path, 12345, 12345)

    def start(self) -> None:
        """Starts the container."""
        self.earlier_starts = len(self.journal("start"))
        shutil.copytree(TASK_LOGS, self.config_map, dirs_exist_ok=True)
        (self.config_map / "vector.yaml").write_text(yaml.safe_dump(self.config))
        if not (self.directory / "plan.json").exists():
            self.plan()
        environment = {
            "PATH": self.path,
            "LOG_ROOT": str(self.logs),
            "DATA_DIR": str(self.data),
            "TERMINATION_LOG": str(self.directory / "termination-log"),
            "VECTOR_BIN": str(self.vector),
            "DOUBLE_PLAN": str(self.directory / "plan.json"),
            "DRAIN_TIMEOUT_SECONDS": "10",
            **self.environment,
        }
        with (self.directory / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [*self.shell, str(self.config_map / "drain.sh")],
                cwd=self.config_map,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def output(self) -> str:
        return (self.directory / "output").read_text(errors="replace")

    def send(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Sends a signal to PID 1 alone, as the kubelet does."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """The end of the whole container: an OOM kill of its cgroup."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def join(self, since: float | None = None) -> Outcome:
        """Waits for the end that a signal has asked for."""
        assert self.process is not None
        begun = time.monotonic() if since is None else since
        code = self.process.wait(timeout=60)
        seconds = time.monotonic() - begun
        log = self.directory / "termination-log"
        return Outcome(code, log.read_text() if log.exists() else "", self.output(), seconds)

    def stop(self) -> Outcome:
        """SIGTERM, and what comes of it."""
        begun = time.monotonic()
        self.send()
        return self.join(begun)

    # What the double has noted

    def _records(self, name: str) -> list[dict[str, Any]]:
        path = self.directory / name
        return (
            [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
        )

    def journal(self, event: str) -> list[dict[str, Any]]:
        """The double's notes of one kind, oldest first."""
        return [record for record in self._records("journal.jsonl") if record["event"] == event]

    def up(self) -> None:
        """Waits until Vector reads."""
        wait_for(lambda: len(self.journal("start")) > self.earlier_starts, "a start of Vector")

    def in_loki(self) -> list[tuple[str, int, str]]:
        """(file, offset, line) as Loki has stored them, in order of arrival."""
        return [(r["file"], r["offset"], r["line"]) for r in self._records("loki.jsonl")]

    def delivered(self) -> dict[str, list[str]]:
        """Lines in Loki by file, in file order; Loki stores what it gets twice only once."""
        files: dict[str, list[str]] = {}
        for name, _offset, line in sorted({self._place(*record) for record in self.in_loki()}):
            files.setdefault(name, []).append(line)
        return files

    def _place(self, file: str, offset: int, line: str) -> tuple[str, int, str]:
        """Relative file and offset, also of a line read from a copy: tails/OFFSET/FILE."""
        path, tails = Path(file), self.data / "tails"
        if not path.is_relative_to(tails):
            return str(path.relative_to(self.logs)), offset, line
        start, *parts = path.relative_to(tails).parts
        return "/".join(parts), int(start) + offset, line

    def written(self) -> dict[str, list[str]]:
        """Lines in the log files, whether their last one has a newline or not."""
        return {
            str(path.relative_to(self.logs)): path.read_bytes()
            .decode(errors="replace")
            .removesuffix("\n")
            .split("\n")
            for path in self.logs.rglob("*.log*")
            if path.is_file() and not path.is_symlink() and path.stat().st_size
        }


def settings(directory: Path, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The chart's vector.yaml with the paths of a test."""
    text = (TASK_LOGS / "vector.yaml").read_text()
    text = text.replace("/opt/airflow/logs", str(directory / "logs"))
    text = text.replace("/var/lib/vector", str(directory / "data"))
    config: dict[str, Any] = yaml.safe_load(text)
    config["sources"]["task_logs"].update(overrides or {})
    return config


@pytest.fixture(scope="session")
def busybox_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with busybox's tools and nothing else."""
    busybox = needed("busybox", "busybox")
    directory = tmp_path_factory.mktemp("busybox")
    for tool in TOOLS:
        (directory / tool).symlink_to(busybox)
    return str(directory)


@pytest.fixture(params=["busybox", "dash"])
def shell(request: pytest.FixtureRequest) -> tuple[tuple[str, ...], str]:
    """A shell's command line and the PATH that goes with it."""
    if request.param == "busybox":
        path = request.getfixturevalue("busybox_path")
        return (f"{path}/sh",), path
    return (needed("dash", "dash"),), os.defpath


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The double of Vector as a program."""
    program = tmp_path_factory.mktemp("double") / "vector"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{DOUBLE}" "$@"\n')
    program.chmod(0o755)
    program.parent.chmod(0o755)
    return program


@pytest.fixture
def sidecar(tmp_path: Path, shell: tuple[tuple[str, ...], str], double: Path) -> Iterator[Sidecar]:
    """A sidecar that runs the double, not started yet. Each Vector gets one signal at most."""
    command, path = shell
    (tmp_path / "logs").mkdir()
    (tmp_path / "data").mkdir()
    pod = Sidecar(tmp_path, command, path, double, settings(tmp_path))
    yield pod
    if pod.process is not None:
        pod.kill()
        terminated = [record["pid"] for record in pod.journal("signal")]
        assert len(terminated) == len(set(terminated)), "a Vector got a second signal"
