"""The rendered manifests of one release: frozen, indexed by kind and name, never by position."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from airflow_platform import embedded, strict_yaml
from airflow_platform.embedded import EmbeddedDocument
from airflow_platform.errors import PlatformError
from airflow_platform.frozen import freeze, thaw
from airflow_platform.project import KUBE_VERSION, did_you_mean

if TYPE_CHECKING:
    from airflow_platform.upstream import UpstreamChart

__all__ = ["Container", "EmbeddedDocument", "Manifest", "Pod", "Render", "freeze", "thaw"]

_POD_TEMPLATE_PATHS: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_DOCUMENT_START = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_SOURCE = re.compile(r"^# Source: (.+)$", re.MULTILINE)
_REQUIRED = object()


@dataclass(frozen=True, eq=False)
class Manifest:
    """One Kubernetes object.

    ``template`` is the file it came from, as Helm names it; ``text`` is the YAML as Helm wrote it.
    """

    document: Mapping[str, Any]
    template: str
    text: str

    @property
    def kind(self) -> str:
        """The kind, such as "Deployment"."""
        return str(self.document["kind"])

    @property
    def api_version(self) -> str:
        """The API group and version, such as "apps/v1"."""
        return str(self.document["apiVersion"])

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str | None:
        """The namespace as written, None when the object does not name one."""
        namespace: str | None = self.document["metadata"].get("namespace")
        return namespace

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels, empty when it has none."""
        return self.document["metadata"].get("labels") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        """The object's annotations, empty when it has none."""
        return self.document["metadata"].get("annotations") or {}

    def at(self, *path: str | int, default: Any = _REQUIRED) -> Any:
        """Return what is at ``path`` (mapping keys, list indices).

        LookupError naming the object and the keys that are there, unless ``default`` is given.
        """
        value: Any = self.document
        for depth, step in enumerate(path):
            try:
                value = value[step]
            except (LookupError, TypeError):
                if default is not _REQUIRED:
                    return default
                where = ".".join(map(str, path[:depth])) or "the top level"
                there = ", ".join(map(str, value)) if isinstance(value, Mapping) else repr(value)
                raise LookupError(f'{self} has no "{step}" at {where}; it has: {there}') from None
        return value

    def __str__(self) -> str:
        return f"{self.kind}/{self.name} ({self.template})"


@dataclass(frozen=True, eq=False)
class Pod:
    """A pod as a workload (or, with ``key``, a pod template inside a ConfigMap) describes it."""

    owner: Manifest
    key: str | None
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]

    def containers(self) -> Mapping[str, Container]:
        """Return all containers by name: init containers, native sidecars and main ones."""
        found = [
            *self._containers("initContainers"),
            *self._containers("containers"),
        ]
        by_name = {container.name: container for container in found}
        if len(by_name) != len(found):
            raise PlatformError(f"{self}: two containers have the same name")
        return by_name

    def _containers(self, field: str) -> Iterator[Container]:
        for document in self.spec.get(field) or ():
            if field == "containers":
                yield Container(self, "main", document)
            elif document.get("restartPolicy") == "Always":
                yield Container(self, "sidecar", document)
            else:
                yield Container(self, "init", document)

    def volumes(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the volumes by name."""
        volumes = self.spec.get("volumes") or ()
        by_name = {volume["name"]: volume for volume in volumes}
        if len(by_name) != len(volumes):
            raise PlatformError(f"{self}: two volumes have the same name")
        return by_name

    def __str__(self) -> str:
        return f"{self.key} in {self.owner}" if self.key else str(self.owner)


@dataclass(frozen=True, eq=False)
class Container:
    """One container of a pod; a native sidecar is an init container that is always restarted."""

    pod: Pod
    role: Literal["init", "sidecar", "main"]
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The container's name, unique in its pod."""
        return str(self.document["name"])

    def __str__(self) -> str:
        return f'{self.role} container "{self.name}" of {self.pod}'


class Render:
    """Everything one ``helm template`` printed, and the circumstances it was printed under."""

    def __init__(
        self,
        manifests: Iterable[Manifest],
        *,
        chart: str = "wrapper",
        environment: str | None = None,
        helm_major: int = 4,
        kube_version: str = KUBE_VERSION,
        upstream: UpstreamChart | None = None,
    ) -> None:
        """Index ``manifests``; PlatformError when two of them are the same object."""
        self.manifests = tuple(manifests)
        self.chart = chart
        self.environment = environment
        self.helm_major = helm_major
        self.kube_version = kube_version
        self.upstream = upstream
        self._refuse_duplicates()

    @classmethod
    def from_text(cls, text: str, **circumstances: Any) -> Render:
        """Build a render from YAML text; ``circumstances`` are the keyword arguments of Render."""
        return cls(_manifests(text), **circumstances)

    @property
    def name(self) -> str:
        """A short name for messages and test ids, such as ``prod/helm4``."""
        return f"{self.environment or self.chart}/helm{self.helm_major}"

    def get(self, kind: str, name: str) -> Manifest:
        """Return the manifest of that kind and name; LookupError lists the near names."""
        found = [manifest for manifest in self.all(kind) if manifest.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise LookupError(f"{self.name} has {kind}/{name} in more than one namespace")
        names = tuple(manifest.name for manifest in self.all(kind))
        near = did_you_mean(name, names)
        kinds = sorted({manifest.kind for manifest in self.manifests})
        there = f"{kind}s: {', '.join(names)}" if names else f"Kinds: {', '.join(kinds)}"
        raise LookupError(f"{self.name} has no {kind}/{name}{near}. {there}")

    def all(self, kind: str) -> tuple[Manifest, ...]:
        """Return all manifests of ``kind`` (an empty tuple when there are none)."""
        return tuple(manifest for manifest in self.manifests if manifest.kind == kind)

    def embedded(self, kind: str) -> tuple[EmbeddedDocument, ...]:
        """Return the embedded documents of ``kind`` (see ``embedded.py`` for the kinds)."""
        return tuple(document for document in self._embedded if document.kind == kind)

    def pods(self) -> tuple[Pod, ...]:
        """Return the pods of every workload and of every embedded pod template."""
        return self._pods

    @cached_property
    def _embedded(self) -> tuple[EmbeddedDocument, ...]:
        return tuple(embedded.find(self.manifests))

    @cached_property
    def _pods(self) -> tuple[Pod, ...]:
        workloads = (
            Pod(manifest, None, template.get("metadata") or {}, template["spec"])
            for manifest in self.manifests
            if manifest.kind in _POD_TEMPLATE_PATHS
            for template in [manifest.at(*_POD_TEMPLATE_PATHS[manifest.kind])]
        )
        templates = (
            Pod(found.owner, found.key, pod.get("metadata") or {}, pod["spec"])
            for found in self.embedded("Pod")
            for pod in [found.document]
        )
        return (*workloads, *templates)

    def _refuse_duplicates(self) -> None:
        first: dict[tuple[str, str, str | None, str], Manifest] = {}
        for manifest in self.manifests:
            identity = (manifest.api_version, manifest.kind, manifest.namespace, manifest.name)
            other = first.setdefault(identity, manifest)
            if other is not manifest:
                raise PlatformError(f"{self.name}: {manifest} is already rendered by {other}")

    def __str__(self) -> str:
        return self.name


def _manifests(text: str) -> Iterator[Manifest]:
    for part in _DOCUMENT_START.split(text):
        source = _SOURCE.search(part)
        template = source.group(1) if source else "no template"
        document = strict_yaml.load(part, template)
        if document is None:
            continue
        if not _is_object(document):
            raise PlatformError(f"{template}: not a Kubernetes object: {part.strip()[:80]!r}")
        yield Manifest(freeze(document), template, part.strip())


def _is_object(document: Any) -> bool:
    return (
        isinstance(document, Mapping)
        and {"apiVersion", "kind", "metadata"} <= document.keys()
        and isinstance(document["metadata"], Mapping)
        and "name" in document["metadata"]
    )
