"""The rendered manifests of one release, indexed by kind and name, never by position."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from airflow_platform.manifests import embedded
from airflow_platform.manifests.embedded import EmbeddedDocument
from airflow_platform.manifests.objects import NO_TEMPLATE, Manifest, Pod
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import freeze
from airflow_platform.support.project import NAMESPACE
from airflow_platform.support.spelling import did_you_mean

_POD_TEMPLATE_PATHS: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
# With its beginning spelt out, where ^ would do, it is found fourteen times as fast.
_DOCUMENT_START = re.compile(r"\n---(?:[ \t].*)?\r?$", re.MULTILINE)
_SOURCE = re.compile(r"^# Source: (.+)$", re.MULTILINE)


# The keys of ConfigMaps or Secrets by their names; None where the keys are not known.
Keys = Mapping[str, Collection[str] | None]


@dataclass(frozen=True)
class External:
    """What somebody else creates in the cluster, so that a release may refer to it."""

    secrets: Keys = field(default_factory=dict)
    config_maps: Keys = field(default_factory=dict)
    service_accounts: Collection[str] = ()
    cluster_roles: Collection[str] = ()


class Render:
    """Everything that one ``helm template`` printed.

    ``name`` is for messages and test ids, such as ``prod/helm4``; ``namespace`` is the release's.
    """

    def __init__(
        self,
        manifests: Iterable[Manifest],
        *,
        name: str = "manifests",
        namespace: str = NAMESPACE,
        external: External | None = None,
    ) -> None:
        """Index ``manifests``; PlatformError when two of them are the same object."""
        self.manifests = tuple(manifests)
        self.name = name
        self.namespace = namespace
        self.external = external or External()
        self._refuse_duplicates()

    @classmethod
    def from_text(cls, text: str, **circumstances: Any) -> Render:
        """Build a render from YAML text; ``circumstances`` are the keyword arguments of Render."""
        return cls(_manifests(text), **circumstances)

    def replace(self, **changes: Any) -> Render:
        """Return a render that differs in some of the arguments of the constructor."""
        same: dict[str, Any] = {
            "manifests": self.manifests,
            "name": self.name,
            "namespace": self.namespace,
            "external": self.external,
        }
        return Render(**(same | changes))

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
    for part in _parts(f"\n{text}"):
        template, documents = _documents(part)
        for document in documents:
            yield Manifest(document, template, part.strip())


def _parts(text: str) -> Iterator[str]:
    """Yield what is between the starts of documents in ``text``, which begins with a line end."""
    begin = 1
    for start in _DOCUMENT_START.finditer(text):
        yield text[begin : start.start() + 1]
        begin = start.end()
    yield text[begin:]


@cache  # the renders of a chart have most objects in common
def _documents(part: str) -> tuple[str, tuple[Any, ...]]:
    """Return the template that ``part`` came from, and the objects in it, which are frozen."""
    source = _SOURCE.search(part)
    template = source.group(1) if source else NO_TEMPLATE
    document = strict_yaml.load(part, template)
    if document is None:
        return template, ()
    is_list = isinstance(document, Mapping) and document.get("kind") == "List"
    documents = document.get("items") or () if is_list else (document,)
    for each in documents:
        if not _is_object(each):
            raise PlatformError(f"{template}: not a Kubernetes object: {part.strip()[:80]!r}")
    return template, tuple(map(freeze, documents))


def _is_object(document: Any) -> bool:
    return (
        isinstance(document, Mapping)
        and {"apiVersion", "kind", "metadata"} <= document.keys()
        and isinstance(document["metadata"], Mapping)
        and "name" in document["metadata"]
    )
