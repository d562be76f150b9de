"""The components of a release: their containers, and which of them always print something."""

from collections.abc import Iterator
from dataclasses import dataclass

from airflow_platform.manifests import Render
from airflow_platform.manifests.objects import Container, Pod
from airflow_platform.support.errors import PlatformError

# Each prints something every few minutes even when no DAG runs: orphaned tasks that it looked for,
# access by its own probes, statistics of DAG files, the number of triggers.
_NEVER_SILENT = frozenset(("scheduler", "api-server", "webserver", "dag-processor", "triggerer"))

# The sidecar sends what a task prints, with the labels of task logs.
_TASK = "base"


@dataclass(frozen=True)
class PrintingContainer:
    """A container of a release. ``quiet`` says why it may have no lines, "" when it must have some.

    ``release`` is "" where the pod does not say.
    """

    component: str
    name: str
    release: str
    quiet: str


def containers(manifests: Render) -> list[PrintingContainer]:
    """Return the containers of all pods of a release, sorted by component.

    PlatformError where there are none.
    """
    found = {each for pod in manifests.pods() for each in _containers(pod)}
    if not found:
        raise PlatformError(
            "The manifests have no pods of Airflow. Give what `helm get manifest RELEASE` prints."
        )
    # The same container can be in several pods, and is to print if one of them says so.
    by_name: dict[tuple[str, str], PrintingContainer] = {}
    for each in sorted(found, key=lambda each: (each.component, each.name, each.quiet)):
        by_name.setdefault((each.component, each.name), each)
    return list(by_name.values())


def namespace(manifests: Render) -> str | None:
    """Return the only namespace that the manifests name, None where they name none or several."""
    named = {each.namespace for each in manifests.manifests if each.namespace}
    return named.pop() if len(named) == 1 else None


def is_read(pod: Pod) -> bool:
    """Say whether the agents in examples/component-logs select the pod."""
    labels = pod.labels
    ours = (labels.get("app.kubernetes.io/name"), labels.get("app.kubernetes.io/component"))
    return labels.get("tier") == "airflow" or ours == ("statsd-exporter", "statsd-exporter")


def _containers(pod: Pod) -> Iterator[PrintingContainer]:
    labels = pod.labels
    component = labels.get("component") or labels.get("app.kubernetes.io/name")
    if not component:
        return
    release = labels.get("release") or labels.get("app.kubernetes.io/instance") or ""
    for name, container in pod.containers().items():
        if pod.key is None or name != _TASK:
            yield PrintingContainer(component, name, release, _quiet(pod, container, component))


def _quiet(pod: Pod, container: Container, component: str) -> str:
    kind = pod.owner.kind
    if pod.key is not None:
        return "only while tasks run"
    if kind in ("Job", "CronJob", "Pod"):
        return f"only while the {kind} runs"
    if pod.owner.at("spec", "replicas", default=None) == 0:
        return f"the {kind} has no replicas"
    if container.role == "init":
        return "only when its pod starts"
    if not is_read(pod):
        return "examples/component-logs does not read this pod"
    if component in _NEVER_SILENT and container.name == component:
        return ""
    return "only when there is something to say"
