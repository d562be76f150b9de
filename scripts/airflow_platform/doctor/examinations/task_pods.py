"""Pods of tasks that stay longer than they should."""

from collections.abc import Iterator
from datetime import timedelta

from airflow_platform.checks.violations import TASK_LOGS_SIDECAR
from airflow_platform.doctor.facts import (
    Facts,
    Object,
    as_of,
    listed,
    name,
    statuses,
    time_of,
)
from airflow_platform.doctor.model import Fault, Finding, Mend, examination

LINGERS = Fault("task-pod-terminating", "error", "Task pods do not go away.")
HELD = Fault("task-pod-held", "error", "Task pods run on after their task has ended.")
PILED_UP = Fault("task-pods-piled-up", "warning", "Pods of finished tasks pile up.")

_PATIENCE = timedelta(minutes=2)
_OLD = timedelta(hours=1)
_MANY = 20


@examination(LINGERS, HELD, PILED_UP)
def task_pods(facts: Facts) -> Iterator[Finding]:
    """Whether the pods of tasks go when their task has ended."""
    lingering, held, old = [], [], []
    for pod in facts.task_pods:
        status = pod.get("status") or {}
        deleted = time_of(pod["metadata"].get("deletionTimestamp"))
        if deleted:
            if facts.now - deleted > _PATIENCE:
                lingering.append(pod)
        elif status.get("phase") == "Running" and _base_ended_before(pod, facts):
            held.append(pod)
        elif status.get("phase") in ("Failed", "Succeeded"):
            created = time_of(pod["metadata"].get("creationTimestamp"))
            if created and facts.now - created > _OLD:
                old.append(pod)
    if lingering:
        yield _lingering(facts, lingering)
    if held:
        yield _held(facts, held)
    if len(old) >= _MANY:
        yield _piled_up(facts, old)


def _base_ended_before(pod: Object, facts: Facts) -> bool:
    for status in statuses(pod):
        if status["name"] == "base":
            end = (status.get("state") or {}).get("terminated") or {}
            finished = time_of(end.get("finishedAt"))
            return finished is not None and facts.now - finished > _PATIENCE
    return False


def _names(pods: list[Object]) -> str:
    return f"{as_of(len(pods), 'pod')} ({listed(map(name, pods))})"


def _lingering(facts: Facts, pods: list[Object]) -> Finding:
    finalizers = sorted({one for pod in pods for one in pod["metadata"].get("finalizers") or ()})
    nodes = sorted({pod["spec"].get("nodeName") or "no node" for pod in pods})
    first = name(pods[0])
    if finalizers:
        mend = Mend(
            "Something has asked to be waited for (finalizers) and does not answer. If it is gone,"
            " take its finalizers away.",
            (
                f"{facts.kubectl} patch pod {first} --type=merge"
                """ -p '{"metadata":{"finalizers":null}}'""",
            ),
        )
    else:
        mend = Mend(
            f"The kubelet of {', '.join(nodes)} does not answer, or cannot end a container. If the"
            " node is gone for good, delete the pods without waiting for it.",
            (f"{facts.kubectl} delete pod {first} --force --grace-period=0",),
        )
    return Finding(
        LINGERS,
        "Task pods",
        f"Being deleted, and still there two minutes after the grace period: {_names(pods)}."
        + (f" Their finalizers: {', '.join(finalizers)}." if finalizers else ""),
        "Each holds a slot of the executor; Airflow 2 loses deferred tasks for as long.",
        mend,
    )


def _held(facts: Facts, pods: list[Object]) -> Finding:
    running = sorted(
        {
            status["name"]
            for pod in pods
            for status in pod["status"].get("containerStatuses") or ()
            if "running" in (status.get("state") or {})
        }
    )
    names = " ".join(sorted(map(name, pods)))
    if not running:
        return Finding(
            HELD,
            "Task pods",
            f"Of {_names(pods)} the container base has ended, and the sidecar runs on.",
            "Each holds a slot of the executor and its node's resources.",
            Mend(
                "The kubelet has not stopped the sidecar, or its drain takes long: see what it says"
                " (docs/runbooks/TaskLogDrainSlow.md).",
                (f"{facts.kubectl} logs {name(pods[0])} -c {TASK_LOGS_SIDECAR} --tail=20",),
            ),
        )
    return Finding(
        HELD,
        "Task pods",
        f"In {_names(pods)} the container base has ended, and these run on: {', '.join(running)}.",
        "Each holds a slot of the executor and its node's resources, and the sidecar does not send"
        " the end of the log before they end.",
        Mend(
            "A proxy or helper that is an ordinary container keeps the pod: make it a native"
            " sidecar (docs/task-logs.md, Service meshes). Deleting the pods lets the sidecars"
            " finish.",
            (f"{facts.kubectl} delete pod {names} --wait=false",),
        ),
    )


def _piled_up(facts: Facts, pods: list[Object]) -> Finding:
    return Finding(
        PILED_UP,
        "Task pods",
        f"Ended more than an hour ago, and still there: {_names(pods)}.",
        "They make the API server and the scheduler slow, and count against quotas of pods.",
        Mend(
            "Let a CronJob remove them, and remove those that are there.",
            (
                f"{facts.kubectl} delete pods -l kubernetes_executor=True"
                " --field-selector=status.phase!=Running,status.phase!=Pending",
                facts.upgrade,
            ),
            facts.values("airflow", {"cleanup": {"enabled": True}}),
        ),
    )
