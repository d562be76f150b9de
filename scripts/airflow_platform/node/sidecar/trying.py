"""Tries the sidecar on a node: all trials, for all environments and versions of Airflow."""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TypeVar

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.loki.client import Loki, quoted
from airflow_platform.node.image import Image
from airflow_platform.node.loki_proxy import LokiProxy, loki_proxy
from airflow_platform.node.node import Node
from airflow_platform.node.sidecar import images
from airflow_platform.node.sidecar.faults import Running
from airflow_platform.node.sidecar.judging import End, Seen, faults
from airflow_platform.node.sidecar.pods import (
    Pod,
    PodWatch,
    container_id,
    has_ended,
    statuses,
    terminated,
)
from airflow_platform.node.sidecar.release import AIRFLOWS, Release, release
from airflow_platform.node.sidecar.report import Row
from airflow_platform.node.sidecar.task_pod import EXECUTOR_LABEL, Task, task_pod
from airflow_platform.node.sidecar.trials import TRIALS, Attempts, Place, Trial
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import environments
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt, Run, attempt_of

_V = TypeVar("_V")

# Trials at the same time: most of them wait most of the time, but those with many pods do not.
_AT_ONCE = 12
_CROWDS_AT_ONCE = 1
_CROWD = 10  # pods
_POD_SECONDS = 180.0
_EVENT_SECONDS = 5.0
_POLL_SECONDS = 0.1
_DAG = "sidecar.trials"


@dataclass(frozen=True)
class _Site:
    """A release in a namespace, with a Loki of its own."""

    environment: str
    namespace: str
    place: Place
    release: Release
    proxy: LokiProxy


def try_sidecars(
    node: Node,
    loki: str,
    *,
    environments: Sequence[str] = environments(),
    airflows: Sequence[str] = tuple(AIRFLOWS),
    trials: Sequence[Trial] = tuple(TRIALS.values()),
    change: Callable[[Release], Release] = lambda release: release,
) -> Iterator[Row]:
    """Try the sidecar of the environments, and yield a row for each trial as it ends.

    ``loki`` is the URL of a Loki without authentication, ``airflows`` are keys of AIRFLOWS.
    ``change`` makes the releases other than they are rendered. PlatformError when something cannot
    be rendered, or when there is no Vector.
    """
    releases = list(product(environments, airflows))
    places = {trial.place.name: trial.place for trial in trials}
    with ExitStack() as stack:
        sites = {
            (environment, airflow, place.name): _Site(
                environment,
                f"{environment}-airflow-{airflow}-{place.name}-{uuid.uuid4().hex[:4]}",
                place,
                change(release(environment, airflow, *place.values)),
                stack.enter_context(loki_proxy(loki, place.loki)),
            )
            for (environment, airflow), place in product(releases, places.values())
        }
        _add_images(node, sites.values())
        _make(node.cluster, sites.values())
        watch = stack.enter_context(PodWatch(node.cluster, f"{EXECUTOR_LABEL}=True"))
        pools = {
            is_crowd: stack.enter_context(ThreadPoolExecutor(at_once))
            for is_crowd, at_once in ((False, _AT_ONCE), (True, _CROWDS_AT_ONCE))
        }
        running = [
            pools[trial.pods > _CROWD].submit(
                _row, trial, sites[environment, airflow, trial.place.name], node, watch, loki
            )
            for trial, (environment, airflow) in product(trials, releases)
        ]
        try:
            for done in as_completed(running):
                yield done.result()
        finally:
            for each in running:
                each.cancel()


def _add_images(node: Node, sites: Iterable[_Site]) -> None:
    wanted: dict[str, Callable[[], Image]] = {}
    for site in sites:
        known = {**images.OTHERS, "vector": site.place.image}
        for name, image in site.release.images().items():
            if name not in known:
                raise PlatformError(f"Nobody knows an image for the container {name}.")
            wanted[image] = known[name]
    for name, make in wanted.items():
        node.add_image(name, make())


def _make(cluster: Cluster, sites: Iterable[_Site]) -> None:
    """Make the namespaces, and in them what task pods need."""
    names = [{"name": site.namespace} for site in sites]
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": name} for name in names)
    cluster.apply(
        each
        for site in sites
        for each in site.release.objects_in(site.namespace, site.proxy.url)
        if (each["kind"], each["metadata"]["name"]) != site.place.without
    )


def _row(trial: Trial, site: _Site, node: Node, watch: PodWatch, loki: str) -> Row:
    """Try it, and say what has come of it."""
    at = datetime.now(UTC).replace(microsecond=0)
    run = Run(_DAG, f"manual__{at.isoformat()}__{site.namespace}")
    seen = Seen(site.release.drain_seconds)
    wrong: list[str] = []
    try:
        for number, attempts in enumerate(trial.attempts, start=1):
            tasks = [
                Task(
                    Attempt(run, trial.name.replace(" ", "_"), index, number),
                    attempts.shape,
                    trial.lines,
                    site.release.airflow,
                    at,
                )
                for index in (range(attempts.mapped) if attempts.mapped else (UNMAPPED,))
            ]
            seen.written |= {task.attempt: task.written() for task in tasks}
            seen.ends += _ends(trial, attempts, tasks, site, node, watch)
        seen.found |= _found(run, loki, at)
    except PlatformError as error:
        wrong = [str(error)]
    return Row(
        trial=trial.name,
        environment=site.environment,
        airflow=site.release.airflow,
        pods=len(seen.written),
        written=sum(map(len, seen.written.values())),
        in_loki=sum(map(len, seen.found.values())),
        added_ms=max((end.added_ms for end in seen.ends if end.added_ms is not None), default=None),
        task_codes=_each_once(end.task_code for end in seen.ends),
        sidecar_codes=_each_once(end.sidecar_code for end in seen.ends),
        messages=_each_once(end.message for end in seen.ends),
        expected=trial.expected.about,
        faults=wrong or faults(seen, trial.expected),
    )


def _ends(
    trial: Trial,
    attempts: Attempts,
    tasks: Sequence[Task],
    site: _Site,
    node: Node,
    watch: PodWatch,
) -> list[End]:
    """Run the pods of tasks at the same time, and return how they have ended."""
    pods = [task_pod(site.release.template_in(site.namespace), task) for task in tasks]
    node.cluster.apply(pods)
    keys = [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods]
    for key, task in zip(keys, tasks, strict=True):
        if trial.meanwhile:
            trial.meanwhile(Running(node, watch, key, task, site.proxy))
    ended = [watch.wait(key, has_ended, "the pod has ended", _POD_SECONDS) for key in keys]
    exits = _exits(node, ended)
    return [_end(pod, attempts.code, exits) for pod in ended]


def _exits(node: Node, pods: Sequence[Pod]) -> dict[str, int]:
    """Return when each container has ended, in nanoseconds, by its id."""
    wanted = {container_id(pod, name) for pod in pods for name in statuses(pod)} - {""}
    give_up = time.monotonic() + _EVENT_SECONDS
    while True:
        found = {each.container: each.at for each in node.events() if each.topic == "/tasks/exit"}
        if wanted <= found.keys() or time.monotonic() > give_up:
            return found
        time.sleep(_POLL_SECONDS)


def _end(pod: Pod, expected_code: int, exits: Mapping[str, int]) -> End:
    task, sidecar = terminated(pod, "base"), terminated(pod, "vector") or {}
    base_end = exits.get(container_id(pod, "base"))
    last_end = max((exits.get(container_id(pod, name), 0) for name in statuses(pod)), default=0)
    return End(
        task_code=task["exitCode"] if task else None,
        expected_code=expected_code,
        sidecar_code=sidecar.get("exitCode"),
        message=sidecar.get("message", ""),
        added_ms=(last_end - base_end) // 10**6 if base_end else None,
    )


def _found(run: Run, loki: str, at: datetime) -> dict[Attempt, list[str]]:
    """Return what Loki has of a run."""
    client = Loki(loki, {}, tenant="", ca_file=None)
    query = f"{{dag_id={quoted(run.dag_id)}}} | run_id={quoted(run.run_id)}"
    hour = timedelta(hours=1)
    found: dict[Attempt, list[str]] = defaultdict(list)
    for entry in client.entries(query, at - hour, at + hour):
        found[attempt_of(dict(entry.fields))].append(entry.line)
    return found


def _each_once(values: Iterable[_V]) -> tuple[_V, ...]:
    return tuple(dict.fromkeys(values))
