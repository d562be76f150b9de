"""A sidecar as the kubelet runs it, with Vector or a double of it, on a task's files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..doubles.loki import FaultyLoki
from .shipped import POD, RUN_ID, Shipped


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Poll until the condition holds; fail the test after so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def replaced(value: Any, texts: Mapping[str, str]) -> Any:
    """A document with texts replaced in all its strings."""
    if isinstance(value, Mapping):
        return {key: replaced(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, texts) for item in value]
    if isinstance(value, str):
        for old, new in texts.items():
            value = value.replace(old, new)
    return value


@dataclass
class Outcome:
    """How a sidecar ended: exit code, termination message, output."""

    code: int
    message: str
    output: str


@dataclass
class Sidecar:
    """The sidecar of one pod, on the directories that take the place of its volumes.

    ``shell`` is a command line and ``path`` the PATH that goes with it. ``config`` is vector.yaml
    and ``environment`` are variables in addition to the container's; both count when the container
    is started.
    """

    directory: Path
    shell: tuple[str, ...]
    path: str
    vector: Path
    shipped: Shipped
    loki: FaultyLoki
    find: Callable[[str], Path]  # a program of this machine
    pod: dict[str, str] = field(default_factory=lambda: dict(POD))
    config: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    earlier_starts: int = 0  # of Vector, by containers before this one

    def __post_init__(self) -> None:
        for directory in (self.logs, self.data, self.config_map, self.tools, self.memory):
            directory.mkdir()
        self.tool("vector", f'exec "{self.vector}" "$@"')
        self.use(self.shipped)

    def use(self, shipped: Shipped) -> None:
        """Takes what a render holds, with the paths of this machine."""
        self.shipped = shipped
        self.texts = {
            mount["mountPath"]: str(self.directory / mount["name"])
            for mount in shipped.container["volumeMounts"]
        } | {
            "/dev/termination-log": str(self.directory / "termination-log"),
            "/bin/sh": self.shell[-1],
        }
        self.config = replaced(shipped.config, self.texts)
        self.config["sinks"]["loki"]["endpoint"] = self.loki.url

    # The volumes have the names that they have in the pod.

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def data(self) -> Path:
        return self.directory / "task-logs-data"

    @property
    def memory(self) -> Path:
        """What /dev/shm is in the pod."""
        return self.directory / "memory"

    @property
    def config_map(self) -> Path:
        """The sidecar's working directory, where the ConfigMap is mounted."""
        return self.directory / "task-logs-config"

    @property
    def tools(self) -> Path:
        """Programs of the test's own, which come first on PATH."""
        return self.directory / "tools"

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

    def annotate(self, **annotations: str) -> None:
        """What Airflow writes on the pod of a task."""
        self.pod |= {f"metadata.annotations['{key}']": text for key, text in annotations.items()}

    def tool(self, name: str, script: str) -> None:
        """Puts a shell script on the sidecar's PATH, ahead of what is there."""
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def plan(self, **faults: Any) -> None:
        """What goes wrong, for the double: see there."""
        (self.directory / "plan.json").write_text(json.dumps(faults))

    def shorten_sleeps(self) -> Path:
        """Lets no `sleep` of PID 1 take its time; returns the file with their arguments."""
        kept, sleep = self.directory / "sleeps", self.find("sleep")
        # PID 1 leads the session. What it has started in the background sleeps as it is.
        self.tool(
            "sleep",
            "read -r _ _ _ parent _ session _ </proc/$$/stat\n"
            f'[ "$parent" = "$session" ] || exec "{sleep}" "$1"\n'
            f'echo "$1" >>"{kept}"\n'
            f'exec "{sleep}" 0.01',
        )
        return kept

    def without_power_over_files(self) -> None:
        """For tests that run as root: file permissions hold for this sidecar."""
        if os.getuid() == 0:
            bounded = "--bounding-set=-dac_override,-dac_read_search"
            self.shell = (str(self.find("setpriv")), bounded, *self.shell)

    def deny(self, path: Path, mode: int) -> None:
        """Gives a log file to another user, where that is possible, with this mode."""
        path.chmod(mode)
        if os.getuid() == 0:
            os.chown(path, 12345, 12345)

    def mount_config_map(self) -> None:
        """Makes the ConfigMap's volume as the kubelet does: links that an update moves at once."""
        version = self.config_map / f"..{time.monotonic_ns()}"
        version.mkdir()
        for name, text in replaced(dict(self.shipped.files), self.texts).items():
            (version / name).write_text(text)
            link = self.config_map / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        # As the chart prints it. A credential takes the place of its name inside of quotes.
        text = yaml.safe_dump(self.config, width=10**6)
        text = re.sub(r"(?m)SECRET\[loki\.\w+\]$", r'"\g<0>"', text)
        (version / "vector.yaml").write_text(text)
        new = self.config_map / "..data_tmp"
        new.symlink_to(version.name)
        new.rename(self.config_map / "..data")

    def start(self) -> None:
        """Mounts the ConfigMap and starts the container."""
        self.mount_config_map()
        self.run()

    def run(self) -> None:
        """Starts the container."""
        self.earlier_starts = self.starts()
        container = replaced(self.shipped.container, self.texts)
        _, *arguments = container["command"]
        with (self.directory / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [self.find("env"), "--default-signal", *self.shell, *arguments],
                cwd=container["workingDir"],
                env={
                    "PATH": f"{self.tools}:{self.path}",
                    "DOUBLE_PLAN": str(self.directory / "plan.json"),
                    "MEMORY_DIR": str(self.memory),
                    **self.shipped.environment(self.pod),
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def output(self) -> str:
        path = self.directory / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def starts(self) -> int:
        """How often Vector has begun to read."""
        return self.output().count("Starting file server")

    def up(self) -> None:
        """Waits until Vector reads."""
        wait_for(lambda: self.starts() > self.earlier_starts, "a start of Vector")

    def acknowledged(self, log: Path) -> None:
        """Waits until Vector knows that Loki has this file to its end."""
        path, position = self.data / "task_logs" / "checkpoints.json", log.stat().st_size
        end = f'"position":{position},'
        wait_for(lambda: path.exists() and end in path.read_text(), "a checkpoint")

    def deliver(self, text: str) -> Path:
        """Starts, writes a task's log file, and waits until Loki has it. Returns its path."""
        self.start()
        self.up()
        log = self.task_log()
        log.write_text(text)
        self.acknowledged(log)
        return log

    def vectors(self) -> list[int]:
        """Process ids of the running Vectors: of all children only they have this variable."""
        assert self.process is not None
        pid = self.process.pid
        found = []
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with contextlib.suppress(OSError):  # it has ended
                if b"VECTOR_GRACEFUL_" in Path(f"/proc/{child}/environ").read_bytes():
                    found.append(int(child))
        return found

    def handles(self, number: signal.Signals) -> bool:
        """Whether PID 1 has a handler. Without one it ignores a signal in a container, not here."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [mask] = re.findall(r"(?m)^SigCgt:\s*(\w+)$", status)
        return bool(int(mask, 16) >> number - 1 & 1)

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

    def join(self) -> Outcome:
        """Waits for the end that a signal has asked for."""
        assert self.process is not None
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end; its output:\n{self.output()}") from None
        log = self.directory / "termination-log"
        return Outcome(code, log.read_text(errors="replace") if log.exists() else "", self.output())

    def stop(self) -> Outcome:
        """SIGTERM, and what comes of it."""
        self.send()
        return self.join()

    def journal(self, event: str) -> list[dict[str, Any]]:
        """The double's notes of one kind, oldest first."""
        path = self.directory / "journal.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [record for record in map(json.loads, lines) if record["event"] == event]

    # Lines

    def delivered(self) -> dict[str, list[str]]:
        """Lines in Loki by file and in its order, each once; parts joined, tracebacks in lines."""
        places = {}
        for entry in self.loki.entries():
            fields = entry.fields
            place = (self._name(fields["file"]), int(fields["offset"]), int(fields.get("part", 0)))
            places[place] = entry.line
        texts: dict[str, dict[int, str]] = {}
        for (name, offset, _part), line in sorted(places.items()):
            file = texts.setdefault(name, {})
            file[offset] = file.get(offset, "") + line
        return {name: "\n".join(file.values()).split("\n") for name, file in texts.items()}

    def _name(self, file: str) -> str:
        """A log file's relative path, also of a copy of its last line: tails/OFFSET/FILE."""
        path, tails = Path(file), self.data / "tails"
        if path.is_relative_to(tails):
            return "/".join(path.relative_to(tails).parts[1:])
        return str(path.relative_to(self.logs))

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
