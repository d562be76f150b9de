"""Programs that run in the background, each with a log file."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from airflow_platform.support import guard, processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.tools import tool

_READY_SECONDS = 180.0  # on a machine that is busy
_POLL_SECONDS = 0.25
_SHOWN_CHARACTERS = 2000
# Programs in Go collect garbage less often: a quarter less processor time of the API server, which
# takes 2 GiB of memory with thirty releases.
FRUGAL_GO = {"GOGC": "400", "GOMEMLIMIT": "3GiB"}


class Programs:
    """Programs whose logs are in ``directory``, which has to exist.

    They end with the block, or with this process, however that ends.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stack = ExitStack()
        self._running: dict[str, processes.Process] = {}

    def __enter__(self) -> "Programs":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_tool(self, name: str, *arguments: str) -> None:
        """Start a tool, a key of TOOLS."""
        self.start(Path(name).name, [tool(name), *arguments], {**FRUGAL_GO, **os.environ})

    def start(
        self, name: str, command: processes.Command, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start a program; its log is called by ``name``."""
        log = self._stack.enter_context(self.log(name).open("wb"))
        started = self._stack.enter_context(processes.started(command, env=environment, output=log))
        self._running[name] = started

    def end(self, name: str, signalled: Callable[[int], None], grace: float) -> None:
        """Let a program end: ``signalled`` tells the process of that id to.

        What is left of it after ``grace`` seconds is killed.
        """
        process = self._running.pop(name)
        signalled(process.pid)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        processes.end(process)
        guard.forget("group", process.pid)  # now: another program may get the id

    def call_after(self, function: Callable[[], None]) -> None:
        """Call a function when the programs have ended that are started from now on."""
        self._stack.callback(function)

    def wait(self, what: str, reached: Callable[[], bool], seconds: float | None = None) -> None:
        """Wait for something; PlatformError when it takes too long, or a program has ended."""
        seconds = _READY_SECONDS if seconds is None else seconds
        give_up = time.monotonic() + seconds
        while not reached():
            self.assert_running()
            if time.monotonic() > give_up:
                raise PlatformError(
                    f"{what} is not ready after {seconds:.0f} s. The logs of all programs"
                    f" are in {self.directory}."
                )
            time.sleep(_POLL_SECONDS)

    def assert_running(self) -> None:
        """PlatformError with the end of its log when a program has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                said = self.log(name).read_text(encoding="utf-8", errors="replace")
                raise PlatformError(
                    f"{name} has ended with {process.returncode}. Its log, {self.log(name)},"
                    f" ends with:\n{said[-_SHOWN_CHARACTERS:]}"
                )

    def log(self, name: str) -> Path:
        """Return where a program's log is."""
        return self.directory / f"{name}.log"
