"""The API of a cluster by HTTP, for what tests do besides what they prove.

kubectl takes a tenth of a second of processor time to start.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pykube

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.support.errors import PlatformError

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


class Direct:
    """The API server, for an administrator. HTTPError when it does not show something."""

    def __init__(self, cluster: Cluster) -> None:
        self._client = pykube.HTTPClient(pykube.KubeConfig.from_file(str(cluster.kubeconfig)))
        self._kinds = [*_kinds(self._client)]

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

    def apply(
        self,
        objects: Iterable[Mapping[str, Any]],
        namespace: str = "",
        *,
        dry: bool = False,
        force: bool = False,
    ) -> None:
        """Create or change objects as Cluster.apply does, in ``namespace`` where they name none.

        ``dry``: only ask whether the server would; ``force``: take fields from other managers.
        PlatformError with what the server says of all that it refuses.
        """
        options = {"fieldManager": "tests", "fieldValidation": "Strict"}
        options |= {"dryRun": "All"} if dry else {}
        options |= {"force": "true"} if force else {}
        refusals = [
            answer["message"]
            for each in objects
            if (answer := self._patch(each, namespace, options))["kind"] == "Status"
        ]
        if refusals:
            raise PlatformError("\n".join(refusals))

    def _patch(
        self, wanted: Mapping[str, Any], namespace: str, options: Mapping[str, str]
    ) -> Object:
        named = (wanted["apiVersion"], wanted["kind"])
        kind = self._first(lambda each: (each.api_version, each.name) == named)
        metadata = wanted["metadata"]
        # The server reads YAML: there JSON's escapes of signs beyond 16 bits (pairs of surrogates)
        # are errors, and these three signs end a line.
        text = json.dumps(wanted, ensure_ascii=False)
        text = re.sub("[\u0085\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)
        answer = self._client.patch(
            version=kind.version,
            namespace=metadata.get("namespace", namespace) if kind.namespaced else None,
            url=f"{kind.plural}/{metadata['name']}",
            params=options,
            data=text.encode(),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
        return dict(answer.json())

    def _kind(self, name: str) -> _Kind:
        """Return the first of that name: Kubernetes' own come first."""
        plain, _, group = name.lower().partition(".")
        return self._first(
            lambda kind: plain in (kind.plural, kind.singular) and group in ("", kind.group)
        )

    def _first(self, wanted: Callable[[_Kind], bool]) -> _Kind:
        if not any(map(wanted, self._kinds)):  # it may have been made since
            self._kinds = [*_kinds(self._client)]
        return next(filter(wanted, self._kinds))

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
def direct(cluster: Cluster) -> Direct:
    """Return the API of a cluster, which is asked once which kinds there are."""
    return Direct(cluster)


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
