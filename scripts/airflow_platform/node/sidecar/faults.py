"""What somebody does to a pod while its task runs."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airflow_platform.node.loki_proxy import LokiProxy
from airflow_platform.node.node import Node
from airflow_platform.node.sidecar.pods import PodKey, PodWatch, container_id, terminated
from airflow_platform.node.sidecar.task_pod import Task
from airflow_platform.support.waiting import eventually

_GO_ON = "tmp/go-on"  # see shapes/halves.sh
_SECONDS = 120.0
_POLL_SECONDS = 0.2
_AWAY_SECONDS = 1.0


@dataclass(frozen=True)
class Running:
    """The pod of a task, and what is around it."""

    node: Node
    watch: PodWatch
    pod: PodKey
    task: Task
    proxy: LokiProxy


def kill_task(running: Running) -> None:
    """Kill the first process of the task, once it has written all lines."""
    _wait_for_lines(running, running.task.lines)
    os.kill(_processes(running, "base")[0], signal.SIGKILL)


def kill_vector(running: Running) -> None:
    """Kill Vector, once the task has written half of its lines, and let the task go on."""
    _wait_for_lines(running, running.task.lines // 2)

    def killed() -> bool:
        for process in _processes(running, "vector"):
            if _program(process) == "vector":
                os.kill(process, signal.SIGKILL)
                return True
        return False

    _until(killed, f"a Vector runs in {running.pod}")
    (_root(running) / _GO_ON).touch()


def delete_pod(running: Running) -> None:
    """Delete the pod, once the task has written half of its lines."""
    _wait_for_lines(running, running.task.lines // 2)
    namespace, name = running.pod
    running.node.cluster.kubectl("delete", "pod", name, f"--namespace={namespace}", "--wait=false")


def bring_loki_back(running: Running) -> None:
    """Let Loki take connections a second after the API server has told of the end of the task."""
    running.watch.wait(
        running.pod, lambda pod: terminated(pod, "base") is not None, "the task has ended", _SECONDS
    )
    time.sleep(_AWAY_SECONDS)
    running.proxy.come_back()


def _wait_for_lines(running: Running, lines: int) -> None:
    """Wait until the task's log file, as its own container has it, has so many lines."""

    def there() -> bool:
        with suppress(OSError, IndexError):
            log = _root(running) / running.task.log.lstrip("/")
            return log.read_bytes().count(b"\n") >= lines
        return False

    _until(there, f"the task of {running.pod} has written {lines} lines")


def _root(running: Running) -> Path:
    """Return the root directory of the task's container, which has to run."""
    return Path("/proc", str(_processes(running, "base")[0]), "root")


def _processes(running: Running, container: str) -> list[int]:
    """Return the processes of a container, the first one first; none when it does not run."""
    pod = running.watch.get(running.pod)
    cgroup = running.node.cgroup(container_id(pod, container)) if pod else None
    with suppress(OSError):  # it ends
        return sorted(cgroup.processes()) if cgroup else []
    return []


def _program(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text().strip()
    return ""


def _until(holds: Callable[[], bool], what: str) -> None:
    eventually(holds, _SECONDS, f"Not within {_SECONDS:.0f} s: {what}.", poll=_POLL_SECONDS)
