"""Objects of a cluster by HTTP, for tests that only look.

kubectl, which takes a tenth of a second of processor time to start, is for what the tests prove.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pykube

from airflow_platform.cluster.cluster import Cluster

Object = dict[str, Any]

_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_METADATA = "application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadataList"


@dataclass(frozen=True)
class _Kind:
    """A kind as the API server offers it; ``version`` is the beginning of its path."""

    name: str
    plural: str
    singular: str
    group: str
    version: str
    namespaced: bool
    verbs: frozenset[str]

    @property
    def api_version(self) -> str:
        return self.version.removeprefix("/apis/").removeprefix("/api/")


class Reader:
    """Reads what is in a cluster. HTTPError when the API server refuses to show it."""

    def __init__(self, cluster: Cluster) -> None:
        self._client = pykube.HTTPClient(pykube.KubeConfig.from_file(str(cluster.kubeconfig)))
        self._kinds = list(_kinds(self._client))

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object, None when there is none of that name."""
        return self._read(self._kind(kind), namespace, name)

    def lasting(self, namespace: str) -> list[Object]:
        """Return the kinds and the metadata of all objects of a namespace but events."""
        return [
            each
            for kind in self._kinds
            if kind.namespaced and {"list", "delete"} <= kind.verbs and kind.plural != "events"
            for each in self._list(kind, namespace, accept=_METADATA)
        ]

    def list(self, kinds: str, namespace: str, selector: str = "") -> list[Object]:
        """Return the objects of some kinds, "pods,jobs" for example, that have the labels."""
        wanted = map(self._kind, kinds.split(","))
        return [each for kind in wanted for each in self._list(kind, namespace, selector)]

    def _kind(self, name: str) -> _Kind:
        """Return the first of that name: Kubernetes' own come first."""
        plain, _, group = name.lower().partition(".")
        return next(
            kind
            for kind in self._kinds
            if plain in (kind.plural, kind.singular) and (not group or kind.group == group)
        )

    def _list(
        self, kind: _Kind, namespace: str, selector: str = "", accept: str = "application/json"
    ) -> Iterator[Object]:
        found = self._read(kind, namespace, selector=selector, accept=accept)
        # There is no answer of a kind that is gone, and may be null in that of one without objects.
        for each in (found or {}).get("items") or ():
            yield {**each, "apiVersion": kind.api_version, "kind": kind.name}

    def _read(
        self,
        kind: _Kind,
        namespace: str,
        name: str = "",
        *,
        selector: str = "",
        accept: str = "application/json",
    ) -> Object | None:
        answer = self._client.get(
            version=kind.version,
            namespace=namespace if kind.namespaced else None,
            url=f"{kind.plural}/{name}" if name else kind.plural,
            params={"labelSelector": selector} if selector else {},
            headers={"Accept": accept},
        )
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return dict(answer.json())


@cache
def reader(cluster: Cluster) -> Reader:
    """Return the reader of a cluster, which is asked once which kinds there are."""
    return Reader(cluster)


def _kinds(client: pykube.HTTPClient) -> Iterator[_Kind]:
    for path in ("api", "apis"):
        answer = client.get(version="/", url=path, headers={"Accept": _DISCOVERY})
        answer.raise_for_status()
        for group in answer.json()["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                parts = (path, name, version["version"])
                at = "".join(f"/{part}" for part in parts if part)
                for each in version["resources"]:
                    yield _Kind(
                        each["responseKind"]["kind"],
                        each["resource"],
                        each["singularResource"],
                        name,
                        at,
                        each["scope"] == "Namespaced",
                        frozenset(each["verbs"]),
                    )
