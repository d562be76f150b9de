"""Pods that the API server refuses to create."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.doctor.facts import Facts, Object, condition, name
from airflow_platform.doctor.model import Fault, Finding, Mend, examination
from airflow_platform.doctor.phrases import means

SECURITY = Fault("pods-refused-by-pod-security", "error", "Pod Security refuses the pods.")
QUOTA = Fault("pods-refused-by-quota", "error", "A ResourceQuota refuses the pods.")
ACCOUNT = Fault("service-account-missing", "error", "Pods name a ServiceAccount that is not there.")
REFUSED = Fault("pods-refused", "error", "The API server refuses the pods.")

_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+)|failed quota: (?P<failed>[^:]+): must specify"
)
_ACCOUNT = re.compile(r'serviceaccount "(?P<account>[^"]+)" not found')


@examination(SECURITY, QUOTA, ACCOUNT, REFUSED)
def created_pods(facts: Facts) -> Iterator[Finding]:
    """Whether the API server creates the pods of each workload: Pod Security, quotas, accounts."""
    told = set()
    for workload, message in _refusals(facts):
        kind, called = workload["kind"], name(workload)
        if kind == "ReplicaSet":
            for each in workload["metadata"].get("ownerReferences") or ():
                kind, called = each["kind"], each["name"]
        subject = f"{kind} {called}"
        if subject not in told:
            told.add(subject)
            yield _finding(facts, subject, workload, message)


def _refusals(facts: Facts) -> Iterator[tuple[Object, str]]:
    """Yield each workload of the release that lacks pods for that reason, and what was said."""
    names = {facts.name, facts.beside.name if facts.beside else facts.name}
    events: dict[tuple[str, str], str] = {}
    for event in facts.events("FailedCreate"):
        about = event["involvedObject"]
        events[about["kind"], about["name"]] = event.get("message", "")
    for kind in ("ReplicaSet", "StatefulSet", "DaemonSet", "Job"):
        for each in facts.all(kind):
            if facts.name_of_release(each) not in names or not _lacks_pods(each):
                continue
            message = condition(each, "ReplicaFailure").get("message") or events.get(
                (kind, name(each))
            )
            if message:
                yield {"kind": kind, **each}, message


def _lacks_pods(workload: Object) -> bool:
    spec, status = workload["spec"], workload.get("status") or {}
    if "desiredNumberScheduled" in status:  # of a DaemonSet
        return bool(status.get("currentNumberScheduled", 0) < status["desiredNumberScheduled"])
    if "template" in spec and "replicas" not in spec:  # a Job, which makes one at a time
        return not any(status.get(one) for one in ("active", "succeeded", "failed"))
    return bool(status.get("replicas", 0) < spec.get("replicas", 1))


def _finding(facts: Facts, subject: str, workload: Object, message: str) -> Finding:
    follows = means(workload)
    said = f"The API server says: {message}"
    if "violates PodSecurity" in message:
        return Finding(SECURITY, subject, said, follows, _security(facts))
    if found := _QUOTA.search(message):
        quota = (found["quota"] or found["failed"]).strip()
        return Finding(QUOTA, subject, said, follows, _quota(facts, quota, bool(found["failed"])))
    if found := _ACCOUNT.search(message):
        return Finding(ACCOUNT, subject, said, follows, _account(facts, found["account"]))
    return Finding(
        REFUSED,
        subject,
        said,
        follows,
        Mend(
            "Change what the message names, in the values or in the policy that refuses.",
            (f"{facts.kubectl} describe {subject.replace(' ', '/').lower()}",),
        ),
    )


def _security(facts: Facts) -> Mend:
    return Mend(
        "This chart's own pods fit the level restricted. Take out of your values what the message"
        " names (securityContexts, extraContainers, extraVolumes), and see what is left with"
        " airflow-platform check. Until then the namespace can take a lower level.",
        (
            f"{facts.kubectl} label --overwrite namespace {facts.namespace}"
            " pod-security.kubernetes.io/enforce=baseline",
        ),
    )


def _quota(facts: Facts, quota: str, unspecified: bool) -> Mend:
    look = f"{facts.kubectl} describe resourcequota {quota}"
    if unspecified:
        return Mend(
            "The quota wants each container to say what it needs. Give the containers that the"
            " message is about requests and limits; a LimitRange gives them to all others.",
            (look, facts.upgrade),
            facts.values("airflow", {"workers": {"resources": _RESOURCES}}),
        )
    return Mend(
        "Raise the quota, or let the release ask for less (replicas, resources).",
        (look, f"{facts.kubectl} edit resourcequota {quota}"),
    )


_RESOURCES: Mapping[str, Any] = {
    "requests": {"cpu": "250m", "memory": "512Mi"},
    "limits": {"memory": "2Gi"},
}


def _account(facts: Facts, account: str) -> Mend:
    made = {each.name for each in facts.render.all("ServiceAccount")} if facts.record else set()
    if account in made:
        return Mend("Let Helm make it again.", (facts.upgrade,))
    return Mend(
        "Create it, or name another one in the values.",
        (f"{facts.kubectl} create serviceaccount {account}",),
    )
