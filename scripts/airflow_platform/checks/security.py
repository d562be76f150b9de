"""Images, and what the containers of a pod may do."""

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.checks.violations import CHECKS, Fault, containers, is_ours
from airflow_platform.manifests import Container, Pod, Render


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
    """Hold ours to the Pod Security Standard "restricted", which a namespace may enforce."""
    for pod in filter(is_ours, render.pods()):
        for fault in _pod_security_faults(pod):
            yield pod, fault
    for container in filter(is_ours, containers(render)):
        for fault in _container_security_faults(container):
            yield container, fault


def _pod_security_faults(pod: Pod) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield f"{field} is not allowed"
    if (pod.spec.get("securityContext") or {}).get("sysctls"):
        yield "securityContext.sysctls is not allowed"
    for name, volume in pod.volumes().items():
        yield from _volume_faults(name, volume)


_RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def _volume_faults(name: str, volume: Mapping[str, Any]) -> Iterator[str]:
    for source in sorted(volume.keys() - {"name"} - _RESTRICTED_VOLUMES):
        yield f'volume "{name}" is of the type {source}, which is not allowed'


def _container_security_faults(container: Container) -> Iterator[str]:
    own = container.document.get("securityContext") or {}
    effective = {**(container.pod.spec.get("securityContext") or {}), **own}
    capabilities = own.get("capabilities") or {}
    seccomp = (effective.get("seccompProfile") or {}).get("type")
    demands = {
        "runAsNonRoot must be true": effective.get("runAsNonRoot") is True,
        "runAsUser must not be 0": effective.get("runAsUser") != 0,
        "privileged is not allowed": not own.get("privileged"),
        "allowPrivilegeEscalation must be false": own.get("allowPrivilegeEscalation") is False,
        "capabilities.drop must hold ALL": "ALL" in (capabilities.get("drop") or ()),
        "capabilities.add may hold NET_BIND_SERVICE only": set(capabilities.get("add") or ())
        <= {"NET_BIND_SERVICE"},
        "seccompProfile.type must be RuntimeDefault or Localhost": seccomp
        in {"RuntimeDefault", "Localhost"},
        "procMount must be Default": own.get("procMount", "Default") == "Default",
        "hostPort is not allowed": not any(port.get("hostPort") for port in container.ports),
    }
    yield from (demand for demand, met in demands.items() if not met)
    for mount in container.document.get("volumeMounts") or ():
        volume = container.pod.volumes().get(mount["name"])
        yield from _volume_faults(mount["name"], volume or {})


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
