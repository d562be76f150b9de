"""Programs in the background that do not outlive the tests."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

_GRACE_SECONDS = 15
_LOG_LINES = 15


class Processes:
    """Programs whose output is in ``directory``, one file each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start ``command`` in a session of its own."""
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_url(self, url: str, seconds: float) -> None:
        """Wait until a GET of ``url`` succeeds."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(OSError):
                urlopen(url, timeout=5).close()
                return
            self.assert_running()
            assert time.monotonic() < deadline, f"no answer from {url}\n{self.logs()}"
            time.sleep(0.1)

    def assert_running(self) -> None:
        ended = [name for name, process in self._running.items() if process.poll() is not None]
        assert not ended, f"{', '.join(ended)} ended\n{self.logs()}"

    def exit_code(self, name: str) -> int | None:
        """Return the exit code of a program, None while it runs."""
        return self._running[name].poll()

    def logs(self) -> str:
        """Return the last lines that each program has printed."""
        return "\n".join(
            f"--- {name}\n" + "\n".join(text.splitlines()[-_LOG_LINES:])
            for name in self._running
            for text in [self._log(name).read_text(encoding="utf-8", errors="replace")]
        )

    def stop(self) -> None:
        """End all programs and all that they have started."""
        self.end(*self._running)

    def end(self, *names: str, grace: float = _GRACE_SECONDS) -> None:
        """End programs and all that they have started; kill what runs after ``grace`` seconds."""
        ending = [self._running.pop(name) for name in names]
        for process in ending:
            process.terminate()
        deadline = time.monotonic() + grace
        for process in ending:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0, deadline - time.monotonic()))
        for process in ending:
            process.kill()
            process.wait()
            while left := list(_of_session(process.pid)):
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.01)

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"


def _of_session(session: int) -> Iterator[int]:
    """Yield the processes of a session: Airflow's leave their process group, but not that."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, _group, of, *_ = stat.read_text().rpartition(")")[2].split()
            if int(of) == session and state != "Z":
                yield int(stat.parent.name)


@contextmanager
def processes(directory: Path) -> Iterator[Processes]:
    """Processes that are stopped at the end, also when the tests are ended by SIGTERM."""
    running = Processes(directory)
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield running
    finally:
        running.stop()
        signal.signal(signal.SIGTERM, previous)
