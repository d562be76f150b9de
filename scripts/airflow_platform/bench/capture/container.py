"""The sidecar's container: runs its processes as the kubelet would, and measures them."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from airflow_platform.bench.capture.methods import Pod, Sidecar
from airflow_platform.bench.vector import anonymous_bytes
from airflow_platform.support import processes

_RESTART_SECONDS = 1.0
_SAMPLE_SECONDS = 0.02
_GRACE_SECONDS = 600.0  # as in the official chart's task pods
_COMPLAINT_LINES = 5
_ENDED = "Vector has ended by itself"  # as drain.sh says it


class Container:
    """Runs a sidecar, and runs it again when it ends by itself.

    After ``stop``, ``cpu_seconds`` is the processor time of all its processes, and
    ``anonymous_bytes`` the largest amount of anonymous memory (RssAnon) that one process, which is
    Vector, had at any moment.
    """

    def __init__(self, pod: Pod, sidecar: Sidecar) -> None:
        self.cpu_seconds = 0.0
        self.anonymous_bytes = 0
        self._failures: list[int] = []  # exit codes above 0
        self._sidecar = sidecar
        self._programs = pod.programs
        self._output = pod.directory / "output"
        config = pod.directory / "vector.yaml"
        config.write_text(yaml.safe_dump(dict(sidecar.config)), encoding="utf-8")
        self._environment = {
            "PATH": os.environ["PATH"],
            "VECTOR_CONFIG": str(config),
            "POD_NAME": "bench",
            **sidecar.environment,
        }
        self._pid: int | None = None
        self._stopping = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._start()
        self._supervisor.start()
        self._sampler.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error:  # nobody waits for the drain any more
            self._stopping.set()
            self._kill()
        self.stop()

    def complaint(self) -> str:
        """Return the first code above 0 with which the sidecar ended, and the errors it printed.

        "" when there is neither.
        """
        printed = self._output.read_text(encoding="utf-8", errors="replace").splitlines()
        lines: list[str] = []
        for level in ("ERROR", "WARN"):
            if any(level in line for line in printed):
                lines = lines or [line for line in printed if level in line or _ENDED in line]
        if not (lines or self._failures):
            return ""
        last = list(dict.fromkeys(lines or printed))[-_COMPLAINT_LINES:]
        ended = f"ended with code {self._failures[0]}, and " if self._failures else ""
        return "\n".join([f"The sidecar {ended}said:", *last])

    def stop(self) -> None:
        """Send SIGTERM and wait until the sidecar ends; send SIGKILL after the grace period."""
        self._stopping.set()
        if self._pid:
            os.kill(self._pid, signal.SIGTERM)
        self._supervisor.join(_GRACE_SECONDS)
        self._kill()
        self._supervisor.join()
        self._sampler.join()

    def kill_vector(self) -> None:
        """Kill the process with the most memory, as the kernel does when memory runs out."""
        if self._pid:
            os.kill(max(_tree(self._pid), key=anonymous_bytes), signal.SIGKILL)

    def _kill(self) -> None:
        if self._pid:
            os.killpg(self._pid, signal.SIGKILL)

    def _start(self) -> None:
        with self._output.open("ab") as output:
            self._process = processes.start(
                self._sidecar.command,
                cwd=self._programs,  # paths of programs in vector.yaml are relative to it
                env=self._environment,
                output=output,
            )
        self._pid = self._process.pid

    def _supervise(self) -> None:
        while True:
            _, status, usage = os.wait4(self._process.pid, 0)
            self._pid = None
            code = self._process.returncode = os.waitstatus_to_exitcode(status)
            processes.end(self._process)
            if code > 0:  # below 0: it was killed by a signal, as the shapes ask for
                self._failures.append(code)
            self.cpu_seconds += usage.ru_utime + usage.ru_stime
            if self._stopping.wait(_RESTART_SECONDS):
                return
            self._start()

    def _sample(self) -> None:
        while self._supervisor.is_alive():
            if self._pid:
                peak = max(map(anonymous_bytes, _tree(self._pid)))
                self.anonymous_bytes = max(self.anonymous_bytes, peak)
            time.sleep(_SAMPLE_SECONDS)


def _tree(pid: int) -> Iterator[int]:
    """Yield ``pid`` and the ids of the processes below it."""
    yield pid
    with suppress(OSError):  # the process has ended
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _tree(int(child))
