"""How pods start, live through disruptions, and end."""

from collections.abc import Iterator

from airflow_platform.checks.violations import (
    CHECKS,
    LONG_LIVED_KINDS,
    TASK_LOGS_SIDECAR,
    Fault,
    containers,
    is_ours,
    selects,
)
from airflow_platform.manifests import Pod, Render


@CHECKS.add
def resources_are_set(render: Render) -> Iterator[Fault]:
    """Ask for requests, or nodes are overfilled, and a memory limit, or one leak fells a node.

    Not for a CPU limit, which only throttles. What the user's own pod template says of containers
    other than the sidecar is the user's business.
    """
    for container in containers(render):
        users_own = container.pod.key and is_ours(container.pod.owner)
        if users_own and not is_ours(container):
            continue
        resources = container.document.get("resources") or {}
        for field, resource in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            if not (resources.get(field) or {}).get(resource):
                yield container, f"resources.{field}.{resource} is not set"


@CHECKS.add
def jobs_are_no_hooks(render: Render) -> Iterator[Fault]:
    """Refuse hooks: `--wait` holds them back until pods are ready that wait for the migration.

    Flux waits by default. A test may be a hook.
    """
    for job in render.all("Job"):
        hook = job.annotations.get("helm.sh/hook", "test")
        if hook != "test":
            yield job, f"is a Helm hook ({hook}); make it a plain Job"


@CHECKS.add
def task_logs_sidecars_are_native(render: Render) -> Iterator[Fault]:
    """Keep the sidecar native, to outlive the task and yet let the pod end, and without a gate."""
    for container in containers(render):
        if container.name != TASK_LOGS_SIDECAR:
            continue
        if container.role != "sidecar":
            yield container, "must be an init container with restartPolicy: Always"
        for probe in ("startupProbe", "readinessProbe"):
            if probe in container.document:
                yield container, f"{probe} is not allowed: a broken sidecar must not stop a task"


@CHECKS.add
def replicas_have_a_disruption_budget(render: Render) -> Iterator[Fault]:
    """Ask for a budget where there are replicas, or draining nodes takes them all at once."""
    selectors = [each.at("spec", "selector") for each in render.all("PodDisruptionBudget")]
    for pod in render.pods():
        replicated = pod.owner.kind in {"Deployment", "StatefulSet"} and _replicas(render, pod) > 1
        if replicated and not any(selects(selector, pod.labels) for selector in selectors):
            yield pod, "has several replicas, but no PodDisruptionBudget selects its pods"


def _replicas(render: Render, pod: Pod) -> int:
    """Return how many of the workload's pods there are at least."""
    workload = {"kind": pod.owner.kind, "name": pod.owner.name}
    minima = (
        scaler.at("spec", "minReplicas", default=1)
        for scaler in render.all("HorizontalPodAutoscaler")
        if workload.items() <= scaler.at("spec", "scaleTargetRef").items()
    )
    return int(max([pod.owner.at("spec", "replicas", default=1), *minima]))


@CHECKS.add
def long_lived_containers_have_probes(render: Render) -> Iterator[Fault]:
    """Ask for probes where a port is served (ours only).

    Without them what is not up gets traffic and what hangs is left alone.
    """
    for container in filter(is_ours, containers(render)):
        serves = container.role == "main" and container.ports
        if serves and container.pod.owner.kind in LONG_LIVED_KINDS:
            for probe in ("livenessProbe", "readinessProbe"):
                if probe not in container.document:
                    yield container, f"{probe} is not set"
