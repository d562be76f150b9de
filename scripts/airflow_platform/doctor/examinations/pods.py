"""Pods that do not start, do not stay, or are not ready."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from airflow_platform.checks.violations import TASK_LOGS_SIDECAR
from airflow_platform.doctor.facts import (
    WAITS_FOR_MIGRATION,
    Facts,
    Object,
    as_of,
    component,
    condition,
    ended,
    is_ending,
    is_task,
    listed,
    name,
    owner,
    statuses,
    time_of,
    waiting,
)
from airflow_platform.doctor.model import Fault, Finding, Mend, examination
from airflow_platform.doctor.phrases import means

UNSCHEDULABLE = Fault("pod-unschedulable", "error", "A pod fits on no node.")
IMAGE = Fault("image-not-pulled", "error", "An image cannot be pulled.")
CRASHES = Fault("container-crashes", "error", "A container ends again and again.")
OUT_OF_MEMORY = Fault("out-of-memory", "error", "A container was killed for its memory.")
NOT_CREATED = Fault("container-not-created", "error", "A container cannot be created.")
NOT_READY = Fault("container-not-ready", "error", "A container runs, but is not ready.")
RESTARTS = Fault("container-restarts", "warning", "A container restarts often.")
EVICTED = Fault("pod-evicted", "warning", "A pod was evicted from its node.")

_PATIENCE = timedelta(minutes=3)
_MANY_RESTARTS = 5
_IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_CREATION_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
_REFUSED = re.compile(r"unauthorized|denied|authentication|forbidden|40[13]", re.IGNORECASE)
_UNKNOWN = re.compile(r"not found|manifest unknown|no such|does not exist", re.IGNORECASE)
_LIMITED = re.compile(r"toomanyrequests|rate limit|429", re.IGNORECASE)
_SHOWN_CHARACTERS = 400


def _alive(facts: Facts) -> list[Object]:
    return [pod for pod in (*facts.pods, *facts.task_pods) if not is_ending(pod)]


def _who(pod: Object) -> str:
    """Return what a finding is about: pods of one workload are alike, and so are those of tasks."""
    return "Task pods" if is_task(pod) else owner(pod)


def _examples(pods: Iterable[Object]) -> str:
    every = list(pods)
    return f"{as_of(len(every), 'pod')}: {listed(map(name, every))}"


# --- Where pods run


@examination(UNSCHEDULABLE)
def scheduling(facts: Facts) -> Iterator[Finding]:
    """Whether each pod has a node."""
    groups: dict[tuple[str, str], list[Object]] = defaultdict(list)
    for pod in _alive(facts):
        scheduled = condition(pod, "PodScheduled")
        if scheduled.get("status") == "False":
            groups[_who(pod), scheduled.get("message", "")].append(pod)
    for (who, message), pods in groups.items():
        yield Finding(
            UNSCHEDULABLE,
            who,
            f"{_examples(pods)}. The scheduler of Kubernetes says: {message}",
            means(pods[0]),
            _to_schedule(facts, pods[0], message),
        )


def _to_schedule(facts: Facts, pod: Object, message: str) -> Mend:
    describe = f"{facts.kubectl} describe pod {name(pod)}"
    if "PersistentVolumeClaim" in message or "persistentvolumeclaim" in message:
        return Mend(
            "Its volume is not there: another finding says why.",
            (f"{facts.kubectl} get pvc", describe),
        )
    if "untolerated taint" in message:
        taint = re.search(r"untolerated taint\(?s?\)? \{(?P<key>[^:}]+)", message)
        toleration = {"key": taint["key"] if taint else "<taint>", "operator": "Exists"}
        return Mend(
            "Let the pods tolerate the taint, if they may run there, or add nodes without it.",
            (
                f"{facts.kubectl} get nodes -o custom-columns=NAME:.metadata.name,"
                "TAINTS:.spec.taints",
                facts.upgrade,
            ),
            _setting(facts, pod, {"tolerations": [toleration]}),
        )
    if "Insufficient" in message:
        lacking = sorted(set(re.findall(r"Insufficient ([a-z./-]*[a-z])", message)))
        requests = _requests(pod)
        return Mend(
            f"Add a node, or let the pods ask for less {' and '.join(lacking)} than"
            f" {requests or 'they do'}. These values are an example.",
            (f"{facts.kubectl} describe nodes", facts.upgrade),
            _setting(facts, pod, {"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}}),
        )
    if "node affinity" in message or "node selector" in message:
        return Mend(
            "Compare nodeSelector and affinity in the values with the labels of the nodes.",
            (f"{facts.kubectl} get nodes --show-labels", describe),
        )
    return Mend("Look at the pod and at the nodes.", (describe, f"{facts.kubectl} get nodes"))


def _requests(pod: Object) -> str:
    asked = [
        f"{container['name']} {resource} {amount}"
        for container in pod["spec"]["containers"]
        for resource, amount in ((container.get("resources") or {}).get("requests") or {}).items()
    ]
    return ", ".join(asked)


# Keys of values, below `airflow` or `observability`, by component.
_KEYS: Mapping[str, tuple[str, str]] = {
    "scheduler": ("airflow", "scheduler"),
    "api-server": ("airflow", "apiServer"),
    "webserver": ("airflow", "webserver"),
    "dag-processor": ("airflow", "dagProcessor"),
    "triggerer": ("airflow", "triggerer"),
    "worker": ("airflow", "workers"),
    "run-airflow-migrations": ("airflow", "migrateDatabaseJob"),
    "create-user-job": ("airflow", "createUserJob"),
    "pgbouncer": ("airflow", "pgbouncer"),
    "redis": ("airflow", "redis"),
    "statsd-exporter": ("observability", "statsdExporter"),
}


def _setting(facts: Facts, pod: Object, content: Mapping[str, Any]) -> str:
    """Return values that set something for the pods of a component."""
    key = ("airflow", "workers") if is_task(pod) else _KEYS.get(component(pod))
    return facts.values(key[0], {key[1]: content}) if key else ""


# --- What containers wait for


def _waiting_for(
    facts: Facts, reasons: frozenset[str]
) -> dict[tuple[str, str], list[tuple[Object, Mapping[str, Any]]]]:
    """Return the containers that wait for one of ``reasons``, by what they are of and by name."""
    groups: dict[tuple[str, str], list[tuple[Object, Mapping[str, Any]]]] = defaultdict(list)
    for pod in _alive(facts):
        for status in statuses(pod):
            if waiting(status).get("reason") in reasons:
                groups[_who(pod), status["name"]].append((pod, status))
    return groups


@examination(IMAGE)
def images(facts: Facts) -> Iterator[Finding]:
    """Whether the images of all containers can be pulled."""
    for (who, container), found in _waiting_for(facts, _IMAGE_REASONS).items():
        pod, status = found[0]
        image = _image(pod, container) or status.get("image", "")
        reason = waiting(status)
        said = reason.get("message", "")[:_SHOWN_CHARACTERS]
        sidecar = container == TASK_LOGS_SIDECAR
        yield Finding(
            IMAGE,
            who,
            f"{image} of the container {container} cannot be pulled ({reason['reason']}: {said})."
            f" {_examples(each for each, _ in found)}.",
            "Airflow fails a task whose sidecar cannot start, and uses up one of its retries."
            if sidecar and is_task(pod)
            else means(pod),
            _to_pull(facts, container, image, said),
        )


def _image(pod: Object, container: str) -> str:
    spec = pod["spec"]
    every = [*(spec.get("initContainers") or ()), *spec["containers"]]
    return next((each.get("image", "") for each in every if each["name"] == container), "")


def _to_pull(facts: Facts, container: str, image: str, said: str) -> Mend:
    if _REFUSED.search(said):
        return Mend(
            f"The registry refuses: log in with `docker login {_registry(image)}`, make a Secret of"
            " that, and name it.",
            (
                f"{facts.kubectl} create secret docker-registry registry"
                " --from-file=.dockerconfigjson=$HOME/.docker/config.json",
                facts.upgrade,
            ),
            facts.values("", {"global": {"imagePullSecrets": ["registry"]}}),
        )
    if _LIMITED.search(said) or not _UNKNOWN.search(said):
        return Mend(
            "The registry limits you, or cannot be reached from the nodes: take the images from a"
            " mirror. `airflow-platform images` lists them.",
            (facts.upgrade,),
            facts.values("", {"global": {"imageRegistry": "<host of the mirror>"}}),
        )
    if container == TASK_LOGS_SIDECAR:
        values = facts.values("", {"global": {"taskLogs": {"image": {"tag": "<tag>"}}}})
    elif container == "statsd-exporter":
        values = facts.values("observability", {"statsdExporter": {"image": {"tag": "<tag>"}}})
    elif "postgresql" in container:
        values = facts.values("airflow", {"postgresql": {"image": {"tag": "<tag>"}}})
    elif "git-sync" in container:
        values = facts.values("airflow", {"images": {"gitSync": {"tag": "<tag>"}}})
    else:
        values = facts.values("airflow", {"defaultAirflowTag": "<tag>"})
    return Mend(
        f"There is no such image: set a tag that {image.rpartition(':')[0] or 'the image'} has, and"
        " push the image if it is yours. A pod of a StatefulSet has to be deleted after that.",
        (facts.upgrade,),
        values,
    )


def _registry(image: str) -> str:
    first, _, rest = image.partition("/")
    return first if rest and ("." in first or ":" in first) else "docker.io"


@examination(NOT_CREATED)
def container_creation(facts: Facts) -> Iterator[Finding]:
    """Whether all containers can be created: what they mount and take variables from is there."""
    for (who, container), found in _waiting_for(facts, _CREATION_REASONS).items():
        pod, status = found[0]
        reason = waiting(status)
        yield Finding(
            NOT_CREATED,
            who,
            f"The container {container}: {reason['reason']}:"
            f" {reason.get('message', '')[:_SHOWN_CHARACTERS]}."
            f" {_examples(each for each, _ in found)}.",
            means(pod),
            Mend(
                "Create what the message names (findings about Secrets and ConfigMaps have the"
                " commands), or take it out of the values. The kubelet tries again by itself.",
                (f"{facts.kubectl} describe pod {name(pod)}",),
            ),
        )


# --- Containers that end


@examination(CRASHES, OUT_OF_MEMORY, RESTARTS)
def crashes(facts: Facts) -> Iterator[Finding]:
    """Whether containers end, and how: exit code, memory, last message, number of restarts."""
    groups: dict[tuple[Fault, str, str], list[tuple[Object, Mapping[str, Any]]]]
    groups = defaultdict(list)
    for pod in _alive(facts):
        for status in statuses(pod):
            if fault := _fault(facts, pod, status):
                groups[fault, _who(pod), status["name"]].append((pod, status))
    for (fault, who, container), found in groups.items():
        pod, status = found[0]
        end = ended(status)
        pods = _examples(each for each, _ in found)
        if fault is OUT_OF_MEMORY:
            yield Finding(
                fault,
                who,
                f"The container {container} had more memory than its limit,"
                f" {_limit(pod, container)} (OOMKilled). {pods}.",
                means(pod) if not is_task(pod) else "The task fails, or its log is incomplete.",
                Mend(
                    "Give it more memory. The amount is an example.",
                    (facts.upgrade,),
                    _memory(facts, pod, container),
                ),
            )
            continue
        said = (end.get("message") or "").strip()[-_SHOWN_CHARACTERS:]
        yield Finding(
            fault,
            who,
            f"The container {container} has restarted {status.get('restartCount', 0)} times; it"
            f" ended with exit code {end.get('exitCode', '?')}"
            + (f" ({end['reason']})" if end.get("reason") else "")
            + (f" and the message: {said}" if said else "")
            + f". {pods}.",
            means(pod) if fault is CRASHES else "It works, with interruptions.",
            Mend(
                "Read what it printed before it ended."
                + (_LIVENESS if fault is RESTARTS and end.get("exitCode") in (137, 143, 0) else ""),
                (
                    f"{facts.kubectl} logs {name(pod)} -c {container} --previous --tail=50",
                    *([f"{facts.kubectl} describe pod {name(pod)}"] if fault is RESTARTS else []),
                ),
            ),
        )


_LIVENESS = (
    " It was stopped from outside, mostly by its liveness probe: the events of the pod tell. A"
    " scheduler without a heartbeat is slow because of the database or of too little CPU."
)


def _fault(facts: Facts, pod: Object, status: Mapping[str, Any]) -> Fault | None:
    end = ended(status)
    loops = waiting(status).get("reason") == "CrashLoopBackOff"
    if status["name"] == WAITS_FOR_MIGRATION:
        return None  # the examination of the Jobs tells
    if is_task(pod) and status["name"] == TASK_LOGS_SIDECAR and not loops:
        return None  # the examination of its reports tells
    finished = time_of(end.get("finishedAt"))
    recent = finished is not None and facts.now - finished < facts.since
    if end.get("reason") == "OOMKilled" and (loops or recent):
        return OUT_OF_MEMORY
    if loops:
        return CRASHES
    failing = (pod.get("status") or {}).get("phase") != "Succeeded" and recent
    if failing and status.get("restartCount", 0) >= _MANY_RESTARTS:
        return RESTARTS
    return None


def _limit(pod: Object, container: str) -> str:
    spec = pod["spec"]
    every = [*(spec.get("initContainers") or ()), *spec["containers"]]
    limits = next(
        (
            (each.get("resources") or {}).get("limits")
            for each in every
            if each["name"] == container
        ),
        None,
    )
    return str((limits or {}).get("memory", "that of the node"))


def _memory(facts: Facts, pod: Object, container: str) -> str:
    if container == TASK_LOGS_SIDECAR:
        limits = {"limits": {"memory": "256Mi"}}
        return facts.values("", {"global": {"taskLogs": {"resources": limits}}})
    return _setting(facts, pod, {"resources": {"limits": {"memory": "4Gi"}}})


# --- Pods that run and are not well


@examination(NOT_READY)
def readiness(facts: Facts) -> Iterator[Finding]:
    """Whether containers that run are ready."""
    groups: dict[tuple[str, str], list[Object]] = defaultdict(list)
    for pod in facts.pods:
        if is_ending(pod):
            continue
        for status in (pod.get("status") or {}).get("containerStatuses") or ():
            running = (status.get("state") or {}).get("running") or {}
            started = time_of(running.get("startedAt"))
            if started and not status.get("ready") and facts.now - started > _PATIENCE:
                groups[owner(pod), status["name"]].append(pod)
    for (who, container), pods in groups.items():
        probes = [
            event.get("message", "")
            for event in facts.events("Unhealthy")
            if event["involvedObject"].get("name") in set(map(name, pods))
        ]
        said = f" The probe says: {probes[-1][:_SHOWN_CHARACTERS]}." if probes else ""
        yield Finding(
            NOT_READY,
            who,
            f"The container {container} runs for more than three minutes and is not ready."
            f"{said} {_examples(pods)}.",
            means(pods[0]),
            Mend(
                "Read what it prints; if it works and is only slow, give its probes more time.",
                (
                    f"{facts.kubectl} logs {name(pods[0])} -c {container} --tail=50",
                    f"{facts.kubectl} describe pod {name(pods[0])}",
                ),
            ),
        )


@examination(EVICTED)
def evictions(facts: Facts) -> Iterator[Finding]:
    """Whether nodes have evicted pods."""
    groups: dict[str, list[Object]] = defaultdict(list)
    for pod in (*facts.pods, *facts.task_pods):
        if (pod.get("status") or {}).get("reason") == "Evicted":
            groups[_who(pod)].append(pod)
    for who, pods in groups.items():
        message = pods[0]["status"].get("message", "")
        yield Finding(
            EVICTED,
            who,
            f"{_examples(pods)}: {message}",
            "Its task fails, and what its sidecar had not sent is lost."
            if is_task(pods[0])
            else "Another pod has taken its place, or waits for one.",
            Mend(
                "Let containers request what they use, so that nodes are not filled beyond it, and"
                " remove what is left of the pods.",
                (f"{facts.kubectl} delete pod {' '.join(sorted(map(name, pods)))}",),
                _setting(
                    facts, pods[0], {"resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}}
                ),
            ),
        )
