"""Connections: their two ends, the port, and why they are needed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_platform.checks.violations import is_ours
from airflow_platform.manifests import Pod, Render

_SERVICE_HOST = re.compile(r"[a-z0-9-]+\.(?P<namespace>[a-z0-9-]+)\.svc(\..*)?")


@dataclass(frozen=True)
class Place:
    """An end of a connection that is no pod of the release.

    ``namespace`` is where it is in the cluster, ``address`` its IP address, ``outside`` that it is
    known not to be in the cluster. Without any of them nobody can tell.
    """

    name: str
    namespace: str | None = None
    address: str | None = None
    outside: bool = False

    def __str__(self) -> str:
        return self.name


# What code of DAGs may need.
EVERYWHERE = Place("everything")


def place_of(host: str, name: str) -> Place:
    """Return where ``host`` of a URL is, under the ``name`` that people know it by."""
    in_cluster = _SERVICE_HOST.fullmatch(host)
    if in_cluster:
        return Place(f"{name} at {host}", namespace=in_cluster["namespace"])
    try:
        return Place(f"{name} at {host}", address=str(ipaddress.ip_address(host)))
    except ValueError:
        return Place(f"{name} at {host}", outside="." in host)


@dataclass(frozen=True)
class Edge:
    """A connection that somebody needs.

    ``ports`` are those of the pod or server that is connected to, any of which will do; none stands
    for all. Where they are not ``sure``, the server may listen on another one. What is ``optional``
    may be open and need not be. ``service`` is the name of what is connected to, for tables.
    """

    source: Pod | Place
    target: Pod | Place
    ports: tuple[int, ...]
    why: str
    service: str
    setting: str
    protocol: str = "TCP"
    sure: bool = True
    optional: bool = False

    @property
    def port(self) -> str:
        """The port and protocol, in words."""
        numbers = " or ".join(map(str, self.ports))
        return f"{numbers or 'any port'}/{self.protocol}"


INJECTED_POD = "injected pod"  # the key of what the policy of injection makes of any pod


def pods_of_the_release(render: Render) -> list[Pod]:
    """Return the pods of the render, without those that only another Airflow starts.

    The add-on's own pod template is for one, unless the release has no other template.
    """
    pods = [pod for pod in render.pods() if pod.key != INJECTED_POD]
    of_airflow = any(pod.key and not is_ours(pod.owner) for pod in pods)
    return [pod for pod in pods if not (of_airflow and pod.key and is_ours(pod.owner))]


def labels_of(pod: Pod) -> Mapping[str, Any]:
    """Return the labels that a running pod has: KubernetesExecutor adds one to its own."""
    return {**pod.labels, **({"kubernetes_executor": "True"} if pod.key else {})}


def namespace_of(pod: Pod, render: Render) -> str:
    """Return the namespace in which the pod runs."""
    return pod.owner.namespace or render.namespace


def container_ports(pod: Pod, protocol: str = "TCP") -> dict[str, int]:
    """Return the numbers of the ports of a pod by their names, or by themselves."""
    return {
        str(port.get("name") or port["containerPort"]): int(port["containerPort"])
        for container in pod.containers().values()
        for port in container.ports
        if port.get("protocol", "TCP") == protocol
    }
