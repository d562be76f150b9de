"""Loki, and whether task logs arrive."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from airflow_platform.checks.violations import TASK_LOGS_SIDECAR
from airflow_platform.cluster.cluster import ApiError
from airflow_platform.cluster.service_proxy import BlockedError
from airflow_platform.doctor.facts import (
    Facts,
    Loki,
    as_of,
    event_time,
    is_task,
    name,
    statuses,
    time_of,
)
from airflow_platform.doctor.model import (
    DoesNotApplyError,
    Fault,
    Finding,
    Mend,
    NotSeenError,
    examination,
)
from airflow_platform.loki.sink import loki_sink
from airflow_platform.support.errors import UNEXPECTED_ANSWERS, PlatformError
from airflow_platform.support.rest import AnswerError

UNREACHABLE = Fault("loki-unreachable", "error", "Loki cannot be reached.")
NOT_READY = Fault("loki-not-ready", "error", "Loki does not work.")
REFUSES = Fault("loki-refuses", "error", "Loki wants other credentials or a tenant.")
LIMITS = Fault("loki-limits", "error", "Loki takes no more for the moment.")
NO_LINES = Fault("loki-without-lines", "error", "Tasks have run, and Loki has no line of them.")

_JOB = "airflow-task-logs"
# Pods of components, which have the sidecar as well: an ordinal of a StatefulSet, or the hash of a
# ReplicaSet and five characters, ends their names. Those of task pods end in eight.
_OF_COMPONENT = re.compile(
    r"-(?:scheduler|dag-processor|triggerer|worker)(?:-[a-z0-9-]+)?"
    r"-(?:\d{1,4}|[4-9bcdf]{6,10}-[a-z0-9]{5})$"
)
_LATE = timedelta(minutes=2)
_LIMITS = """\
loki:
  limits_config:
    ingestion_rate_mb: 16
    ingestion_burst_size_mb: 32"""
_MEANS = "Task logs do not reach Loki: each finished task waits for the drain's deadline, and what"
_MEANS += " is not sent by then is lost."


@examination(UNREACHABLE, NOT_READY, REFUSES, LIMITS, NO_LINES)
def loki(facts: Facts) -> Iterator[Finding]:
    """Whether Loki answers, and has lines of the tasks that have run."""
    if facts.record and not loki_sink(facts.render):
        raise DoesNotApplyError("task logs are off (global.taskLogs.enabled)")
    if isinstance(facts.loki, NotSeenError):
        raise facts.loki
    error = facts.loki.error
    if isinstance(error, BlockedError):
        raise NotSeenError(f"{error}; give --loki URL")
    if error:
        yield _failure(facts, facts.loki, error)
        return
    yield from _no_lines(facts, facts.loki)


def _failure(facts: Facts, seen: Loki, error: PlatformError) -> Finding:
    url, status = seen.service.url, _status(error)
    if status in (401, 403):
        return Finding(
            REFUSES,
            f"Loki {url}",
            f"It answers {status}: {_first(error)}",
            "Unless the sidecars have other credentials than doctor: " + _MEANS,
            Mend(
                "Give doctor --tenant, LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN; and"
                " the sidecars the same, by a Secret.",
                (
                    f"{facts.kubectl} create secret generic loki --from-env-file=/dev/stdin"
                    " <<'END'\nusername=<user>\npassword=<password>\nEND",
                    facts.upgrade,
                ),
                facts.values(
                    "",
                    {
                        "global": {
                            "taskLogs": {
                                "loki": {
                                    "tenantId": "<tenant>",
                                    "auth": {"strategy": "basic", "secretName": "loki"},
                                }
                            }
                        }
                    },
                ),
            ),
        )
    if status == 429:
        return Finding(
            LIMITS,
            f"Loki {url}",
            f"It answers 429: {_first(error)}",
            _MEANS,
            Mend(
                "Raise the limits of this tenant in Loki's configuration (limits_config), for"
                " example these in the values of Loki's chart.",
                (),
                _LIMITS,
            ),
        )
    if status >= 500:
        return Finding(
            NOT_READY,
            f"Loki {url}",
            f"The API server reaches no pod of it: {_first(error)}"
            if isinstance(error, ApiError) and status == 503
            else f"It answers {status}: {_first(error)}",
            _MEANS,
            Mend("See what Loki says, and whether its pods are ready.", _look(facts, url)),
        )
    return Finding(
        UNREACHABLE,
        f"Loki {url}",
        error.said if isinstance(error, ApiError) else str(error).splitlines()[0],
        _MEANS,
        Mend(
            "See whether this address leads to Loki, and name the right one."
            + (" From outside of the cluster a port-forward is needed." if ".svc" in url else ""),
            (*_look(facts, url), facts.upgrade),
            facts.values(
                "",
                {
                    "global": {
                        "taskLogs": {
                            "loki": {"endpoint": "http://<service>.<namespace>.svc:<port>"}
                        }
                    }
                },
            ),
        ),
    )


def _status(error: PlatformError) -> int:
    """Return the status that Loki answered with, 0 when it did not."""
    if isinstance(error, AnswerError):
        return error.status
    by_reason = {"ServiceUnavailable": 503, "InternalError": 500, "TooManyRequests": 429}
    by_reason |= {"Unauthorized": 401, "Forbidden": 403}
    return by_reason.get(error.reason, 0) if isinstance(error, ApiError) else 0


def _first(error: PlatformError) -> str:
    said = error.said if isinstance(error, ApiError) else str(error)
    return said.splitlines()[0].rpartition(": ")[2] or "nothing"


def _look(facts: Facts, url: str) -> tuple[str, ...]:
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    namespace = host.split(".")[1] if host.count(".") and ".svc" in host else facts.namespace
    program = facts.kubectl.removesuffix(f"-n {facts.namespace}")
    return (f"{program}-n {namespace} get services,endpointslices,pods",)


def _no_lines(facts: Facts, seen: Loki) -> Iterator[Finding]:
    ran = _tasks_that_ran(facts)
    if not ran:
        return
    query = _query(facts)
    try:
        answer = seen.service.get(
            "/loki/api/v1/query_range",
            query=query,
            start=_nanoseconds(facts.now - facts.since),
            end=_nanoseconds(facts.now + timedelta(minutes=10)),
            limit=1,
        )
        if answer["data"]["result"]:
            return
    except BlockedError as error:
        raise NotSeenError(f"{error}; give --loki URL") from None
    except PlatformError as error:
        yield _failure(facts, seen, error)
        return
    except UNEXPECTED_ANSWERS as error:
        raise NotSeenError(f"{seen.service.url} answers in an unknown form: {error!r}") from None
    minutes = int(facts.since.total_seconds() // 60)
    yield Finding(
        NO_LINES,
        f"Loki {seen.service.url}",
        f"{as_of(len(ran), 'task')} ran in the last {minutes} minutes, and {query} has no line.",
        "Nobody can read the logs of these tasks.",
        Mend(
            "Run a task and compare what it has printed with Loki; the sidecar says what it does."
            " Ask the same Loki and tenant as the sidecars: global.taskLogs.loki.",
            (
                f"{facts.kubectl} logs {sorted(ran)[0]} -c {TASK_LOGS_SIDECAR} --tail=20",
                f"airflow-platform verify-logs --loki {seen.service.url} --airflow <url>"
                " --dag hello_world --trigger"
                " --expected examples/dags/hello_world.expected.yaml",
            ),
        ),
    )


def _query(facts: Facts) -> str:
    """Return the query of the release's lines, whose labels the values may change."""
    settings = (facts.known_record().values.get("global") or {}).get("taskLogs") or {}
    wanted = {"job": (settings.get("labels") or {}).get("job") or _JOB}
    if "namespace" in settings.get("labelFields", ["namespace"]):
        wanted["namespace"] = facts.namespace
    labels = ", ".join(f"{label}={json.dumps(value)}" for label, value in wanted.items())
    return f"{{{labels}}}"


def _tasks_that_ran(facts: Facts) -> set[str]:
    """Return the pods whose sidecar had work to do, and some time to do it, within ``since``.

    Airflow removes pods soon, but the events of their containers stay for an hour. Sidecars of
    triggerers and Celery workers start without a task.
    """
    ran = set()
    there, tasks = facts.names("Pod"), {name(pod) for pod in facts.task_pods}
    for pod in facts.task_pods:
        for status in statuses(pod):
            end = (status.get("state") or {}).get("terminated") or {}
            if status["name"] == "base" and is_task(pod):
                ran |= {name(pod)} if _within(facts, time_of(end.get("finishedAt"))) else set()
    for event in facts.events("Started"):
        about = event["involvedObject"]
        if about.get("fieldPath") != f"spec.initContainers{{{TASK_LOGS_SIDECAR}}}":
            continue
        pod_name = about["name"]
        if pod_name in tasks if pod_name in there else not _OF_COMPONENT.search(pod_name):
            ran |= {pod_name} if _within(facts, time_of(event_time(event))) else set()
    return ran


def _within(facts: Facts, time: datetime | None) -> bool:
    return time is not None and facts.now - facts.since < time < facts.now - _LATE


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp()) * 10**9
