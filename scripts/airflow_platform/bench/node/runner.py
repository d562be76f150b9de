"""Runs pods of tasks on a node, one after the other, and measures them."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_platform.bench.node.methods import COLLECTOR_IMAGE, SIDECAR, Method, configurations
from airflow_platform.bench.node.shapes import Shape
from airflow_platform.bench.node.times import Times, times
from airflow_platform.bench.node.usage import Usage, sampled, usage
from airflow_platform.loki.client import Loki
from airflow_platform.node.image import Image
from airflow_platform.node.loki_proxy import Behaviour, loki_proxy
from airflow_platform.node.node import Node
from airflow_platform.node.sidecar import images
from airflow_platform.node.sidecar.pods import (
    Pod,
    PodKey,
    PodWatch,
    container_id,
    has_ended,
    terminated,
)
from airflow_platform.node.sidecar.release import Release, container, release
from airflow_platform.node.sidecar.task_pod import EXECUTOR_LABEL, Task, task_pod
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.tools import tool
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt, Run
from airflow_platform.verify_logs.comparison import Comparison, compare
from airflow_platform.verify_logs.loki import logs

_ENVIRONMENT, _AIRFLOW = "dev", "3"
_TASK = "base"
_DAG = "bench"
_POD_SECONDS = 180.0
_EVENT_SECONDS = 5.0
_POLL_SECONDS = 0.1
_MARGIN = timedelta(hours=1)
_WAIT = ("/bin/sh", "-c", 'sleep "$0"; exec "$@"')
_ERROR = re.compile(r"\berror\b", re.IGNORECASE)


@dataclass(frozen=True)
class Result:
    """What became of a pod.

    ``written``, ``delivered`` and ``extra`` are numbers of lines. ``usage`` is that of the sidecar,
    None when it was not measured; ``exit_code`` and ``message``, the termination message, are the
    sidecar's, too. When lines are missing, ``error`` is the last line of its output with an error.
    """

    written: int
    delivered: int
    extra: int
    times: Times
    usage: Usage | None
    exit_code: int | None
    message: str
    error: str


@dataclass(frozen=True)
class _Ended:
    """A pod that has ended, its lines in Loki, and the last error that its sidecar printed."""

    pod: Pod
    comparison: Comparison
    error: str


@dataclass(frozen=True)
class Bench:
    """A node for pods of a release, with a Loki at the URL ``loki``.

    ``places`` are the namespaces for pods that find this Loki (False) and for those that find it
    away (True), with the URLs that they get.
    """

    node: Node
    release: Release
    loki: str
    watch: PodWatch
    places: Mapping[bool, tuple[str, str]]

    def run(self, shape: Shape, method: Method, import_seconds: float) -> Result:
        """Run a pod whose task writes its first line after so many seconds, and measure it.

        PlatformError when the pod does not end, or its sidecar does not run.
        """
        task, key = self._start(shape, method, import_seconds)
        running = self.watch.wait(key, _has_task, "the task has begun", _POD_SECONDS)
        cgroup = self.node.cgroup(container_id(running, SIDECAR))
        if not cgroup:
            raise PlatformError(f"The sidecar of {key[1]} does not run.")
        with sampled(cgroup) as samples:
            ended = self._end(task, method, key)
        (found,) = self._times([ended])
        begin = found.task_started_at
        try:
            used = usage(samples, begin, begin + int(import_seconds * 10**9))
        except ValueError:
            said = ended.error or "nothing of an error"
            raise PlatformError(f"The sidecar has not run all the time. It said: {said}") from None
        return _result(ended, found, used)

    def run_in_a_row(self, shape: Shape, method: Method, pods: int) -> list[Result]:
        """Run so many pods, whose tasks write at once. PlatformError when one does not end."""
        ended = []
        for _ in range(pods):
            task, key = self._start(shape, method, 0.0)
            ended.append(self._end(task, method, key))
        return [
            _result(each, found, None)
            for each, found in zip(ended, self._times(ended), strict=True)
        ]

    def _start(self, shape: Shape, method: Method, import_seconds: float) -> tuple[Task, PodKey]:
        namespace, loki = self.places[shape.loki_away]
        now = datetime.now(UTC)
        attempt = Attempt(Run(_DAG, f"bench__{now.isoformat()}"), shape.program, UNMAPPED, 1)
        at = now.replace(microsecond=0)
        task = Task(attempt, shape.program, shape.lines, self.release.airflow, at)
        pod = task_pod(self.release.template_in(namespace), task)
        method.change(pod, loki)
        # As Airflow, which needs some seconds before a task writes.
        container(pod, _TASK)["command"] = [*_WAIT, str(import_seconds)]
        self.node.cluster.apply([pod])
        return task, (namespace, pod["metadata"]["name"])

    def _end(self, task: Task, method: Method, key: PodKey) -> _Ended:
        """Wait for the end of a pod, look at it, and remove it, as KubernetesExecutor does."""
        pod = self.watch.wait(key, has_ended, "the pod has ended", _POD_SECONDS)
        comparison = compare(task.written(), self._found(task, method))
        lost = method.has_sidecar and comparison.missing
        ended = _Ended(pod, comparison, self._error(key) if lost else "")
        namespace, name = key
        self.node.cluster.kubectl("delete", "pod", name, f"--namespace={namespace}")
        return ended

    def _found(self, task: Task, method: Method) -> list[str]:
        """Return the lines of a task that Loki has."""
        client = Loki(self.loki, {}, tenant="", ca_file=None)
        found = logs(
            client, task.attempt.run, task.at - _MARGIN, task.at + _MARGIN, method.selector
        )
        return [line for files in found.values() for file in files for line in file]

    def _error(self, key: PodKey) -> str:
        namespace, name = key
        printed = self.node.cluster.kubectl(
            "logs", name, f"--container={SIDECAR}", f"--namespace={namespace}"
        )
        errors = [line for line in printed.splitlines() if _ERROR.search(line)]
        return errors[-1] if errors else ""

    def _times(self, pods: Sequence[_Ended]) -> list[Times]:
        """Return the times of pods. PlatformError when containerd does not tell of them."""
        ids = [(container_id(each.pod, _TASK), container_id(each.pod, SIDECAR)) for each in pods]
        give_up = time.monotonic() + _EVENT_SECONDS
        while True:
            events = self.node.events()
            found = [times(events, task, sidecar or None) for task, sidecar in ids]
            known = [each for each in found if each]
            if len(known) == len(ids):
                return known
            if time.monotonic() > give_up:
                raise PlatformError("containerd does not tell when all containers began and ended.")
            time.sleep(_POLL_SECONDS)


@contextmanager
def bench(node: Node, loki: str) -> Iterator[Bench]:
    """Make the release, its images and its namespaces on a node. PlatformError without a Vector."""
    found = release(_ENVIRONMENT, _AIRFLOW)
    collector = Image(programs={"/usr/local/bin/otelcol": tool("otelcol")})
    for name, image in (
        (found.base["image"], images.task()),
        (found.sidecar["image"], images.vector()),
        (COLLECTOR_IMAGE, collector),
    ):
        node.add_image(name, image)
    with (
        loki_proxy(loki, Behaviour(away=True)) as away,
        PodWatch(node.cluster, f"{EXECUTOR_LABEL}=True") as watch,
    ):
        places = {False: ("bench-with-loki", loki), True: ("bench-without-loki", away.url)}
        for namespace, url in places.values():
            node.cluster.kubectl("create", "namespace", namespace)
            node.cluster.apply([*found.objects_in(namespace, url), configurations(namespace)])
        yield Bench(node, found, loki, watch, places)


def _has_task(pod: Pod) -> bool:
    return bool(container_id(pod, _TASK))


def _result(ended: _Ended, found: Times, used: Usage | None) -> Result:
    sidecar = terminated(ended.pod, SIDECAR) or {}
    comparison = ended.comparison
    return Result(
        written=comparison.expected,
        delivered=comparison.expected - len(comparison.missing),
        extra=len(comparison.extra),
        times=found,
        usage=used,
        exit_code=sidecar.get("exitCode"),
        message=sidecar.get("message", ""),
        error=ended.error,
    )
