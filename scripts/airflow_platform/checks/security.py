"""Images, and what the containers of a pod may do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_platform.checks.violations import (
    CHECKS,
    Fault,
    containers,
    is_of_our_release,
    is_ours,
    needed,
)
from airflow_platform.manifests import Pod, Render
from airflow_platform.support.answers import ask
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw


@CHECKS.add
def images_are_pinned(render: Render) -> Iterator[Fault]:
    """Refuse moving tags: with one, two pods of one release may run different programs."""
    for container in containers(render):
        image = container.document.get("image") or ""
        tag = image.rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and tag in {"", "latest"}:
            yield container, f'image "{image}" needs a tag other than latest, or a digest'


@CHECKS.add
def pods_are_restricted(render: Render) -> Iterator[Fault]:
    """Hold a release to the Pod Security Standard "restricted", which a namespace may enforce."""
    whole = [pod for pod in render.pods() if is_of_our_release(pod.owner) and not _is_users(pod)]
    pods = [(pod, pod.metadata, pod.spec) for pod in whole]
    yield from _forbidden("restricted", [*pods, *_our_containers_elsewhere(render)])


@CHECKS.add
def pods_keep_to_the_baseline(render: Render) -> Iterator[Fault]:
    """Hold every pod to the standard "baseline": it shuts known ways to the node."""
    yield from _forbidden("baseline", [(pod, pod.metadata, pod.spec) for pod in render.pods()])


Judged = tuple[object, Mapping[str, Any], Mapping[str, Any]]  # what, its metadata, its pod spec


def _is_users(pod: Pod) -> bool:
    """Say whether it is the add-on's pod template, which is the user's apart from the sidecar."""
    return bool(pod.key) and is_ours(pod.owner)


def _our_containers_elsewhere(render: Render) -> Iterator[Judged]:
    """Yield each container of ours in another's pod, as a pod of its own with what it mounts.

    The rest of that pod is not ours to set, and what the pod sets can be replaced for each task: so
    in a pod that is judged as a whole the container is judged alone as well.
    """
    for container in filter(is_ours, containers(render)):
        if not is_ours(container.pod):
            mounted = {mount["name"] for mount in container.document.get("volumeMounts") or ()}
            volumes = [v for name, v in container.pod.volumes().items() if name in mounted]
            yield container, {}, {"containers": [container.document], "volumes": volumes}


def _forbidden(level: str, judged: Sequence[Judged]) -> Iterator[Fault]:
    """Ask Kubernetes' own checks (tools/pod-security), for the newest version they know."""
    pods = [{"metadata": thaw(metadata), "spec": thaw(spec)} for _, metadata, spec in judged]
    asked = {"level": level, "version": "latest", "pods": pods}
    answer = ask(needed("pod-security"), given=json.dumps(asked))
    if answer.code:
        raise PlatformError(f"pod-security failed: {answer.stderr.strip()}")
    for (subject, _, _), result in zip(judged, json.loads(answer.stdout), strict=True):
        if result["error"]:
            raise TypeError(f"{subject} is no pod: {result['error']}")
        for fault in result["faults"] or ():
            yield subject, f"{fault['detail'] or fault['reason']} ({fault['check']}, {level})"


@CHECKS.add
def root_filesystems_are_read_only(render: Render) -> Iterator[Fault]:
    """Keep ours from writing to their images, so that nothing can be planted there."""
    for container in filter(is_ours, containers(render)):
        context = container.document.get("securityContext") or {}
        if context.get("readOnlyRootFilesystem") is not True:
            yield container, "securityContext.readOnlyRootFilesystem must be true"


@CHECKS.add
def service_account_tokens_are_not_mounted(render: Render) -> Iterator[Fault]:
    """Give no pod of ours a token: none talks to the Kubernetes API, and tokens can be stolen."""
    for pod in filter(is_ours, render.pods()):
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield pod, "automountServiceAccountToken must be false in the pod's spec"
    for account in filter(is_ours, render.all("ServiceAccount")):
        if account.document.get("automountServiceAccountToken") is not False:
            yield account, "automountServiceAccountToken must be false"
