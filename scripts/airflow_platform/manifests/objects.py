"""Kubernetes objects, and the pods and containers that they describe. All are read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from airflow_platform.support.errors import PlatformError

T = TypeVar("T")

NO_TEMPLATE = "no template"  # of a manifest that does not say where it came from
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
        return self._by_name("containers", [(container.name, container) for container in found])

    def _containers(self, field: str) -> Iterator[Container]:
        for document in self.spec.get(field) or ():
            if field == "containers":
                yield Container(self, "main", document)
            elif document.get("restartPolicy") == "Always":
                yield Container(self, "sidecar", document)
            else:
                yield Container(self, "init", document)

    @property
    def labels(self) -> Mapping[str, str]:
        """The pod's labels, empty when it has none."""
        return self.metadata.get("labels") or {}

    def volumes(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the volumes by name."""
        volumes = self.spec.get("volumes") or ()
        return self._by_name("volumes", [(volume["name"], volume) for volume in volumes])

    def _by_name(self, what: str, items: Sequence[tuple[str, T]]) -> Mapping[str, T]:
        by_name = dict(items)
        for name, _ in items if len(by_name) < len(items) else ():
            if [other for other, _ in items].count(name) > 1:
                raise PlatformError(f'{self}: two {what} are named "{name}"; rename one of them')
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

    @property
    def ports(self) -> tuple[Mapping[str, Any], ...]:
        """The ports that the container declares."""
        return self.document.get("ports") or ()

    def __str__(self) -> str:
        return f'{self.role} container "{self.name}" of {self.pod}'
