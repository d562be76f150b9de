"""URLs of services inside of a cluster, by kubectl's port-forward."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from airflow_platform.cluster.cluster import Cluster

_SERVICE = re.compile(r"(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)(\.svc(\..+)?)?")


@contextmanager
def reached(cluster: Cluster, url: str, namespace: str = "") -> Iterator[str]:
    """Give a URL that leads to ``url`` from here.

    The host of a Service (name.namespace.svc..., or a name in ``namespace``) is forwarded; any
    other is taken to be reachable. PlatformError when there is no such Service or no way to it.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if namespace and "." not in host:
        host = f"{host}.{namespace}"
    found = _SERVICE.fullmatch(host)
    if not found or not cluster.get("service", found["name"], found["namespace"]):
        yield url
        return
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    with cluster.forwarded(found["namespace"], found["name"], port) as local:
        yield f"{parts.scheme}://localhost:{local}{parts.path}"


def operated_prometheus(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the Services that prometheus-operator has made for the Prometheus of the cluster."""
    return cluster.list("services", None, "operated-prometheus=true")


def service_url(service: dict[str, Any]) -> str:
    """Return the URL of a Service's first port."""
    port = service["spec"]["ports"][0]["port"]
    metadata = service["metadata"]
    return f"http://{metadata['name']}.{metadata['namespace']}.svc:{port}"
