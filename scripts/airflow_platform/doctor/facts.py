"""What is known of a release: what Helm says of it, and the objects in the cluster."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

import yaml

from airflow_platform.checks.violations import TASK_LOGS_SIDECAR
from airflow_platform.cluster.release_record import ReleaseRecord
from airflow_platform.doctor.model import NotSeenError
from airflow_platform.manifests import Render
from airflow_platform.support.errors import PlatformError

Object = Mapping[str, Any]
# The objects of a kind, or why they were not seen.
Seen = Sequence[Object] | NotSeenError

_TRACKING = "argocd.argoproj.io/tracking-id"  # application:group/kind:namespace/name

# The init container in which pods of Airflow wait; it ends and starts again until they may go on.
WAITS_FOR_MIGRATION = "wait-for-airflow-migrations"

WRAPPER, ADD_ON, OFFICIAL = "airflow-platform", "observability", "airflow"


class Service(Protocol):
    """What answers to GET with JSON: a Loki or a Prometheus."""

    @property
    def url(self) -> str:
        """Where it is, as people write it."""

    def get(self, path: str, /, **query: object) -> Any:
        """Return the parsed answer; PlatformError unless that succeeds."""


@dataclass(frozen=True)
class Moment:
    """The same moment on the clock of this machine and on that of a server."""

    here: datetime
    there: datetime


@dataclass(frozen=True)
class Loki:
    """A Loki, how it has answered (``error``: that it has not), and the moment if it gave one."""

    service: Service
    error: PlatformError | None = None
    moment: Moment | None = None


@dataclass(frozen=True)
class Facts:
    """A release in its cluster.

    ``record`` is Helm's newest one of it, ``deployed`` the newest that has succeeded, ``beside``
    that of the official chart when only the add-on is ours; ``no_record`` says why there is none.
    ``objects`` are those of the namespace and of the cluster by kind; ``elsewhere`` are those of
    the release in other namespaces. ``served`` says which kinds of the release, with their API
    versions, the API server knows; None where that could not be found out. ``loki`` and
    ``prometheus`` may be missing, with a reason. ``now`` is the time of the API server,
    ``clock`` compares it with that of this machine. ``since`` is how far to look back.
    """

    namespace: str
    name: str
    kubectl: str
    helm: str
    record: ReleaseRecord | None
    objects: Mapping[str, Seen]
    now: datetime
    deployed: ReleaseRecord | None = None
    beside: ReleaseRecord | None = None
    no_record: str = ""
    elsewhere: Mapping[tuple[str, str], Seen] = field(default_factory=dict)
    served: Mapping[tuple[str, str], bool | None] = field(default_factory=dict)
    version: str = ""
    checkout: str = ""
    clock: Moment | NotSeenError = field(default_factory=lambda: NotSeenError("no clock is known"))
    loki: Loki | NotSeenError = field(default_factory=lambda: NotSeenError("no Loki is known"))
    prometheus: Service | NotSeenError = field(
        default_factory=lambda: NotSeenError("no Prometheus is known")
    )
    since: timedelta = timedelta(hours=1)

    # --- Objects

    def all(self, kind: str) -> Sequence[Object]:
        """Return the objects of ``kind``; NotSeenError when they could not be read."""
        seen = self.objects.get(kind, ())
        if isinstance(seen, NotSeenError):
            raise seen
        return seen

    def names(self, kind: str) -> frozenset[str]:
        """Return the names of the objects of ``kind``; NotSeenError as in ``all``."""
        return frozenset(name(each) for each in self.all(kind))

    @cached_property
    def pods(self) -> Sequence[Object]:
        """The pods of the release that no task is in. NotSeenError as in ``all``."""
        return [
            pod
            for pod in self.all("Pod")
            if not is_task(pod)
            and self.name_of_release(pod) in {self.name, self.beside.name if self.beside else None}
        ]

    @cached_property
    def task_pods(self) -> Sequence[Object]:
        """The pods of tasks; those that name another release are left out. NotSeenError."""
        ours = {self.name, self.beside.name if self.beside else self.name, None}
        return [
            pod for pod in self.all("Pod") if is_task(pod) and self.name_of_release(pod) in ours
        ]

    @staticmethod
    def name_of_release(each: Object) -> str | None:
        """Return the release that an object's labels name."""
        labels = labels_of(each)
        return labels.get("release") or labels.get("app.kubernetes.io/instance")

    def events(self, *reasons: str) -> list[Object]:
        """Return the events of some reasons, oldest first. NotSeenError as in ``all``."""
        found = [event for event in self.all("Event") if event.get("reason") in reasons]
        return sorted(found, key=event_time)

    # --- Helm

    @cached_property
    def render(self) -> Render:
        """What Helm has installed; NotSeenError without a record."""
        record = self.known_record()
        texts = [each.manifest for each in (record, self.beside) if each]
        manifests = [each for text in texts for each in Render.from_text(text).manifests]
        return Render(manifests, name=self.name, namespace=self.namespace)

    def known_record(self) -> ReleaseRecord:
        """Return ``record``; NotSeenError when there is none."""
        if not self.record:
            raise NotSeenError(self.no_record or "Helm's record of the release was not seen")
        return self.record

    # --- How to say it

    def values(self, chart: str, content: Mapping[str, Any]) -> str:
        """Return values, as the user would write them, of "airflow" or "observability" or "".

        Below that key in the wrapper, at the top in the chart alone.
        """
        wrapped = not self.record or self.record.chart == WRAPPER
        document = {chart: content} if chart and wrapped else content
        return yaml.safe_dump(document, sort_keys=False, default_flow_style=False).rstrip()

    def again(self, *, official: bool = False) -> str:
        """Return the command that lets Helm, or Flux, make again what it had made.

        ``official``: of the release of the official chart next to the add-on.
        """
        releases = self.objects.get("HelmRelease")
        if releases and not isinstance(releases, NotSeenError):
            at = f"{name(releases[0])} -n {releases[0]['metadata']['namespace']}"
            return f"flux reconcile helmrelease {at} --force"
        if application := self._application:
            return f"argocd app sync {application}"
        beside = self.beside if official else None
        record = beside or self.deployed or self.known_record()
        return f"{self.helm} rollback {record.name} {record.revision}"

    @property
    def _application(self) -> str:
        """The application of Argo CD that has applied the release, empty when none has."""
        seen = self.objects.get("Deployment", ())
        for each in () if self.record or isinstance(seen, NotSeenError) else seen:
            annotations = each["metadata"].get("annotations") or {}
            if tracked := annotations.get(_TRACKING):
                return str(tracked).partition(":")[0]
        return ""

    def workload(self, called: str) -> str:
        """Return what kubectl calls the workload of a component, such as "deployment/x"."""
        for kind in ("Deployment", "StatefulSet"):
            seen = self.objects.get(kind, ())
            for each in () if isinstance(seen, NotSeenError) else seen:
                if component(each) == called and self.name_of_release(each) == self.name:
                    return f"{kind.lower()}/{name(each)}"
        return f"deployment/{self.name}-{called}"

    @property
    def upgrade(self) -> str:
        """How the release is upgraded; the user completes it."""
        if application := self._application:
            return f"argocd app sync {application}"
        return f"{self.helm} upgrade {self.name} . -f <your values>"


# --- Parts of objects


def name(each: Object) -> str:
    """Return the name of an object."""
    return str(each["metadata"]["name"])


def labels_of(each: Object) -> Mapping[str, str]:
    """Return the labels of an object."""
    return each["metadata"].get("labels") or {}


def component(each: Object) -> str:
    """Return the component that an object is of, as its labels have it."""
    labels = labels_of(each)
    return labels.get("component") or labels.get("app.kubernetes.io/component") or ""


def is_task(pod: Object) -> bool:
    """Say whether a pod is of a task, or was started by one."""
    labels = labels_of(pod)
    by_task = {"kubernetes_executor", "kubernetes_pod_operator"} & labels.keys()
    return bool(by_task) and "task_id" in labels


def is_ending(each: Object) -> bool:
    """Say whether an object is being deleted."""
    return "deletionTimestamp" in each["metadata"]


def owner(pod: Object) -> str:
    """Return the kind and name of the workload that a pod belongs to."""
    for each in pod["metadata"].get("ownerReferences") or ():
        if each["kind"] == "ReplicaSet":
            generation = labels_of(pod).get("pod-template-hash", "")
            return f"Deployment {each['name'].removesuffix(f'-{generation}')}"
        return f"{each['kind']} {each['name']}"
    return f"Pod {name(pod)}"


def condition(each: Object, kind: str) -> Mapping[str, Any]:
    """Return the condition of that type, empty when there is none."""
    found = (each.get("status") or {}).get("conditions") or ()
    return next((one for one in found if one["type"] == kind), {})


def said(about: Mapping[str, Any]) -> str:
    """Return the reason and the message of a condition, or of how a container waits."""
    return ": ".join(filter(None, (about.get("reason"), about.get("message"))))


def statuses(pod: Object) -> list[Mapping[str, Any]]:
    """Return the statuses of all containers, those of init containers first."""
    status = pod.get("status") or {}
    kinds = ("initContainerStatuses", "containerStatuses")
    return [each for kind in kinds for each in status.get(kind) or ()]


def waiting(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return why a container waits, empty when it does not."""
    return (status.get("state") or {}).get("waiting") or {}


def ended(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how a container has ended, or how it did last time; empty when it never has."""
    return next(
        (
            state["terminated"]
            for state in (status.get("state") or {}, status.get("lastState") or {})
            if state.get("terminated")
        ),
        {},
    )


def sidecar(pod: Object) -> Mapping[str, Any] | None:
    """Return the container of the task-logs sidecar in a pod, None when it has none."""
    spec = pod["spec"]
    every = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return next((each for each in every if each["name"] == TASK_LOGS_SIDECAR), None)


def time_of(text: str | None) -> datetime | None:
    """Return a time as Kubernetes writes it."""
    return datetime.fromisoformat(text) if text else None


def event_time(event: Object) -> str:
    """Return when an event came last, as Kubernetes writes it; empty when it does not say."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )


def listed(names: Iterable[str], most: int = 3) -> str:
    """Return names for a sentence, the first ``most`` of them."""
    every = sorted(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def as_of(count: int, what: str) -> str:
    """Return a number of things: "1 pod", "2 pods"."""
    return f"{count} {what}" + ("" if count == 1 else "s")
