"""The sidecars that send task logs to Loki."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from airflow_platform.checks.violations import TASK_LOGS_SIDECAR
from airflow_platform.doctor.facts import (
    Facts,
    Object,
    as_of,
    ended,
    is_task,
    labels_of,
    listed,
    name,
    sidecar,
    statuses,
    time_of,
)
from airflow_platform.doctor.model import DoesNotApplyError, Fault, Finding, Mend, examination
from airflow_platform.loki.sink import loki_sink

MISSING = Fault("log-lines-missing", "error", "Lines of task logs did not reach Loki.")
REFUSED = Fault("log-lines-refused", "error", "Loki has refused lines of task logs for good.")
NO_FILE = Fault("no-log-file", "warning", "A task has left no log file.")
UNPROVED = Fault("logs-unproved", "warning", "A sidecar could not prove that it sent all.")
NO_CONFIG = Fault("sidecar-without-config", "error", "Sidecars have no configuration.")
KILLED = Fault("sidecar-killed", "error", "A sidecar was killed before it had sent all.")
WITHOUT = Fault("task-pod-without-sidecar", "error", "Task pods have no sidecar.")
NOT_INJECTED = Fault(
    "sidecar-not-injected", "error", "The policy that adds the sidecar does not do so."
)
NOT_NATIVE = Fault("sidecar-not-native", "error", "Something removes the sidecar's restartPolicy.")

# The report of drain.sh.
_REPORT = re.compile(
    r"task logs: (?P<files>\d+) files, (?P<written>\d+) bytes written,"
    r" (?P<delivered>\d+) delivered,"
    r" (?P<missing>\d+) missing, (?P<refused>\d+) lines refused by Loki,"
    r" (?P<oversized>\d+) lines above (?P<limit>\d+) bytes skipped,"
    r" (?P<restarts>\d+) restarts of Vector, drained in (?P<milliseconds>\d+) ms(?P<problems>.*)"
)
_KILLED_CODE = 137
_RUNBOOK = "docs/runbooks/task-logs.md"
_SHOWN_CHARACTERS = 400


@dataclass(frozen=True)
class _End:
    """How the sidecar of a pod has ended."""

    pod: Object
    code: int
    reason: str
    message: str

    @property
    def report(self) -> Mapping[str, str]:
        """What drain.sh reports, empty when it did not."""
        found = _REPORT.search(self.message)
        return found.groupdict() if found else {}


def _ends(facts: Facts) -> Iterator[_End]:
    for pod in (*facts.task_pods, *facts.pods):
        for status in statuses(pod):
            end = ended(status) if status["name"] == TASK_LOGS_SIDECAR else {}
            finished = time_of(end.get("finishedAt"))
            of_interest = is_task(pod) or (finished and facts.now - finished < facts.since)
            if end.get("exitCode") and of_interest:
                message = (end.get("message") or "").strip()
                yield _End(pod, end["exitCode"], end.get("reason", ""), message)


def _task(pod: Object) -> str:
    annotations = pod["metadata"].get("annotations") or {}
    labels = labels_of(pod)
    dag, task = (annotations.get(key) or labels.get(key) or "?" for key in ("dag_id", "task_id"))
    return f"{dag}.{task}" if is_task(pod) else name(pod)


@examination(MISSING, REFUSED, NO_FILE, UNPROVED, NO_CONFIG, KILLED)
def sidecar_reports(facts: Facts) -> Iterator[Finding]:
    """Whether sidecars have sent all: what those report whose pods are still there."""
    groups: dict[Fault, list[_End]] = defaultdict(list)
    for end in _ends(facts):
        groups[_fault(end)].append(end)
    for fault, ends in groups.items():
        yield _finding(facts, fault, ends)


def _fault(end: _End) -> Fault:
    if re.search(r"ConfigMap \S+ is missing", end.message):
        return NO_CONFIG
    report = end.report
    if not report and (end.code == _KILLED_CODE or end.reason == "OOMKilled"):
        return KILLED
    if int(report.get("missing", 0)):
        return MISSING
    if int(report.get("refused", 0)):
        return REFUSED
    if "left no log file" in end.message:
        return NO_FILE
    return UNPROVED


def _finding(facts: Facts, fault: Fault, ends: list[_End]) -> Finding:
    tasks = f"{as_of(len(ends), 'pod')} ({listed(map(_task_of, ends))})"
    subject = "Task pods" if is_task(ends[0].pod) else f"Pod {name(ends[0].pod)}"
    pod = name(ends[0].pod)
    logs = f"{facts.kubectl} logs {pod} -c {TASK_LOGS_SIDECAR} --tail=20"
    if fault is MISSING:
        missing, written = (
            sum(int(end.report[what]) for end in ends) for what in ("missing", "written")
        )
        files = [
            line for end in ends for line in end.message.splitlines() if "bytes missing: " in line
        ]
        where = f" Files: {'; '.join(files[:3])}." if files else ""
        return Finding(
            fault,
            subject,
            f"{missing} of {written} bytes are missing, of {tasks}.{where}",
            "These lines are nowhere but in the pod, as long as it is there.",
            Mend(
                "See why Loki did not take them in time, and save what the pod has printed. If"
                " Loki is only slow, give the drain more time.",
                (logs, f"{facts.kubectl} logs {pod} -c base > {pod}.log", facts.upgrade),
                facts.values("", {"global": {"taskLogs": {"drain": {"timeoutSeconds": 60}}}}),
            ),
        )
    if fault is REFUSED:
        lines = sum(int(end.report["refused"]) for end in ends)
        return Finding(
            fault,
            subject,
            f"Loki has refused {as_of(lines, 'line')}, of {tasks}.",
            "These lines are not in Loki. It refuses what is beyond its limits.",
            Mend(
                "Loki's answer is in the sidecar's output. Raise the limit that it names"
                " (limits_config of Loki), or send less"
                " (docs/runbooks/TaskLogLinesRefused.md).",
                (logs,),
            ),
        )
    if fault is NO_FILE:
        return Finding(
            fault,
            subject,
            f"There was no file below the log folder, in {tasks}.",
            "Nobody can read why the task failed: mostly the image cannot start Airflow, or its"
            " logs are in another folder.",
            Mend(
                "Read what the task has printed, or let the sidecar send that as well.",
                (f"{facts.kubectl} logs {pod} -c base --tail=50", facts.upgrade),
                facts.values("", {"global": {"taskLogs": {"captureOutput": {"enabled": True}}}}),
            ),
        )
    if fault is NO_CONFIG:
        return Finding(
            fault,
            subject,
            f"{ends[0].message[-_SHOWN_CHARACTERS:]}; of {tasks}.",
            "Tasks run, and none of their logs reach Loki.",
            Mend(
                "Let Helm make the ConfigMap again; the next task pods have it.",
                (facts.again(),),
            ),
        )
    if fault is KILLED:
        memory = any(end.reason == "OOMKilled" for end in ends)
        return Finding(
            fault,
            subject,
            f"{tasks}: exit code {ends[0].code}"
            + (" (OOMKilled)" if memory else ", the grace period of the pod had passed")
            + ".",
            "What it had not sent is missing in Loki, and nobody knows how much.",
            Mend(
                "Give the sidecar more memory."
                if memory
                else "Give pods more time to end than the drain may take.",
                (facts.upgrade,),
                facts.values(
                    "", {"global": {"taskLogs": {"resources": {"limits": {"memory": "256Mi"}}}}}
                )
                if memory
                else facts.values("airflow", {"workers": {"terminationGracePeriodSeconds": 600}}),
            ),
        )
    return Finding(
        fault,
        subject,
        f"{tasks}: exit code {ends[0].code}, {ends[0].message[:_SHOWN_CHARACTERS] or 'no message'}",
        "Perhaps lines are missing in Loki.",
        Mend(f"{_RUNBOOK} explains the words of the report.", (logs,)),
    )


def _task_of(end: _End) -> str:
    return _task(end.pod)


@examination(WITHOUT, NOT_INJECTED, NOT_NATIVE)
def sidecars(facts: Facts) -> Iterator[Finding]:
    """Whether task pods have the sidecar, as a native one."""
    if not loki_sink(facts.render):
        raise DoesNotApplyError("task logs are off (global.taskLogs.enabled)")
    policy = facts.render.all("MutatingAdmissionPolicy")
    since = facts.known_record().changed
    lacking: list[Object] = []
    stripped: list[Object] = []
    for pod in facts.task_pods:
        labels = labels_of(pod)
        created = time_of(pod["metadata"].get("creationTimestamp"))
        if "kubernetes_executor" not in labels or (created and created < since):
            continue
        if labels.get("task-logs/inject") == "false":
            continue
        if (vector := sidecar(pod)) is None:
            lacking.append(pod)
        elif vector.get("restartPolicy") != "Always":
            stripped.append(pod)
    if lacking and policy:
        yield _not_injected(facts, lacking, policy[0].name)
    elif lacking:
        yield _without(facts, lacking)
    if stripped:
        yield Finding(
            NOT_NATIVE,
            "Task pods",
            f"In {_pods(stripped)} the container {TASK_LOGS_SIDECAR} has no restartPolicy Always.",
            "It is an ordinary init container then, which never ends: the task never begins.",
            Mend(
                "An admission webhook with an old Kubernetes client removes the field: update it,"
                " or leave this namespace out of it. Until then switch task logs off.",
                (
                    f"{facts.kubectl} get mutatingwebhookconfigurations",
                    facts.upgrade,
                ),
                facts.values("", {"global": {"taskLogs": {"enabled": False}}}),
            ),
        )


def _pods(pods: list[Object]) -> str:
    return f"{as_of(len(pods), 'pod')} ({listed(map(_task, pods))})"


def _without(facts: Facts, pods: list[Object]) -> Finding:
    return Finding(
        WITHOUT,
        "Task pods",
        f"Not made from the pod template of the release: {_pods(pods)}. Mostly their tasks name a"
        " pod_template_file of their own.",
        "Their logs do not reach Loki.",
        Mend(
            "Take pod_template_file out of executor_config (pod_override keeps the sidecar), or let"
            " the API server add the sidecar to every task pod (Kubernetes 1.36).",
            (facts.upgrade,),
            facts.values("observability", {"injection": {"enabled": True}}),
        ),
    )


def _not_injected(facts: Facts, pods: list[Object], policy: str) -> Finding:
    return Finding(
        NOT_INJECTED,
        "Task pods",
        f"Created without the sidecar, though the policy {policy} is there: {_pods(pods)}.",
        "Their logs do not reach Loki. A pod that the policy does not fit is left as it is.",
        Mend(
            "Compare the pod with the table in docs/injection.md (labels, a container base, a"
            " volume of its own for logs), and see what the policy says.",
            (
                f"{facts.kubectl} get mutatingadmissionpolicy,mutatingadmissionpolicybinding",
                f"{facts.kubectl} get pod {name(pods[0])} -o yaml",
            ),
        ),
    )
