"""Runs one trial in one release, and says what has come of it."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from airflow_platform.loki.client import Loki, quoted
from airflow_platform.node.loki_proxy import LokiProxy
from airflow_platform.node.node import Node
from airflow_platform.node.sidecar.faults import Running
from airflow_platform.node.sidecar.judging import End, Seen, faults
from airflow_platform.node.sidecar.pods import (
    Pod,
    PodWatch,
    container_id,
    create,
    has_ended,
    statuses,
    terminated,
)
from airflow_platform.node.sidecar.release import Release
from airflow_platform.node.sidecar.report import Row
from airflow_platform.node.sidecar.task_pod import Task, task_pod
from airflow_platform.node.sidecar.trials import Attempts, Place, Trial
from airflow_platform.support.errors import PlatformError
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt, Run, attempt_of

_V = TypeVar("_V")

_POD_SECONDS = 180.0
_EVENT_SECONDS = 5.0
_POLL_SECONDS = 0.5
_DAG = "sidecar.trials"
_TASK, _SIDECAR = "base", "vector"


@dataclass(frozen=True)
class Site:
    """A release in a namespace, with a Loki of its own."""

    environment: str
    namespace: str
    place: Place
    release: Release
    proxy: LokiProxy


def run_trial(trial: Trial, site: Site, node: Node, watch: PodWatch, loki: str) -> Row:
    """Run the pods of a trial, compare their lines with those in Loki, and judge it.

    ``loki`` is the URL of the Loki behind that of the site. What cannot be done, because a pod does
    not end, for example, is a fault of the trial.
    """
    at = datetime.now(UTC).replace(microsecond=0)
    run = Run(_DAG, f"manual__{at.isoformat()}__{site.namespace}")
    task_id = trial.name.replace(" ", "_")
    seen = Seen(site.release.drain_seconds)
    wrong: list[str] = []
    try:
        for number, attempts in enumerate(trial.attempts, start=1):
            tasks = [
                Task(
                    Attempt(run, task_id, index, number),
                    attempts.shape,
                    trial.lines,
                    site.release.airflow,
                    at,
                )
                for index in (range(attempts.mapped) if attempts.mapped else (UNMAPPED,))
            ]
            seen.written |= {task.attempt: task.written() for task in tasks}
            seen.ends += _ends(trial, attempts, tasks, site, node, watch)
        seen.found |= _found(run, task_id, loki, at)
    except PlatformError as error:
        wrong = [str(error)]
    except (IndexError, OSError) as error:  # of a container without processes
        wrong = [f"a container has ended too early: {error!r}"]
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
    site: Site,
    node: Node,
    watch: PodWatch,
) -> list[End]:
    """Run the pods of tasks at the same time, and return how they have ended."""
    pods = [task_pod(site.release.template_in(site.namespace), task) for task in tasks]
    create(node.cluster, pods)
    keys = [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods]
    for key, task in zip(keys, tasks, strict=True):
        if trial.meanwhile:
            trial.meanwhile(Running(node, watch, key, task, site.proxy))
    ended = [watch.wait(key, has_ended, "the pod has ended", _POD_SECONDS) for key in keys]
    exits = _exits(node, ended)
    return [_end(pod, attempts.code, exits) for pod in ended]


def _exits(node: Node, pods: Sequence[Pod]) -> dict[str, int | None]:
    """Return when each container that has run has ended, in nanoseconds, by its id.

    None when containerd does not tell of the end.
    """
    wanted = {container_id(pod, name) for pod in pods for name in statuses(pod)}
    tasks = {container_id(pod, _TASK) for pod in pods} - {""}  # the last ones to start
    give_up = time.monotonic() + _EVENT_SECONDS
    while True:
        exits: dict[str, int | None] = {}
        for event in node.events():
            if event.container not in wanted or event.is_of_another_process:
                continue
            if event.topic == "/tasks/start":
                exits.setdefault(event.container)  # a short one may be told of in any order
            elif event.topic == "/tasks/exit":
                exits[event.container] = event.at
        if tasks <= exits.keys() and None not in exits.values():
            return exits
        if time.monotonic() > give_up:
            return exits
        time.sleep(_POLL_SECONDS)


def _end(pod: Pod, expected_code: int, exits: Mapping[str, int | None]) -> End:
    task, sidecar = terminated(pod, _TASK), terminated(pod, _SIDECAR) or {}
    ids = {name: container_id(pod, name) for name in statuses(pod)}
    of_task = exits.get(ids.get(_TASK, ""))
    of_all = [exits[each] for each in ids.values() if each in exits]
    known = [each for each in of_all if each is not None]
    return End(
        task_code=task["exitCode"] if task else None,
        expected_code=expected_code,
        sidecar_code=sidecar.get("exitCode"),
        message=sidecar.get("message", ""),
        added_ms=(max(known) - of_task) // 10**6 if of_task and len(known) == len(of_all) else None,
    )


def _found(run: Run, task_id: str, loki: str, at: datetime) -> dict[Attempt, list[str]]:
    """Return what Loki has of a task of a run."""
    client = Loki(loki, {}, tenant="", ca_file=None)
    labels = f"dag_id={quoted(run.dag_id)}, task_id={quoted(task_id)}"
    query = f"{{{labels}}} | run_id={quoted(run.run_id)}"
    hour = timedelta(hours=1)
    found: dict[Attempt, list[str]] = defaultdict(list)
    for entry in client.entries(query, at - hour, at + hour):
        found[attempt_of(dict(entry.fields))].append(entry.line)
    return found


def _each_once(values: Iterable[_V]) -> tuple[_V, ...]:
    return tuple(dict.fromkeys(values))
