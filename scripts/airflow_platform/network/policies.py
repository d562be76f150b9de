"""What the NetworkPolicies of a render open, as the cluster's network plugin reads them.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from airflow_platform.checks.violations import LONG_LIVED_KINDS, is_ours, selects
from airflow_platform.manifests import Manifest, Pod, Render
from airflow_platform.network.edges import (
    EVERYWHERE,
    Edge,
    Place,
    container_ports,
    labels_of,
    namespace_of,
)

Direction = Literal["Ingress", "Egress"]
_NAMESPACE = "kubernetes.io/metadata.name"  # the one label that every namespace has


_COMPONENT = "app.kubernetes.io/component"
_OF_COMPONENT = "network-policy"
_DECLARED = "network-policy-extra"


def closes_component(policy: Manifest) -> bool:
    """Say whether `networkPolicies` in the values makes it, for a component of the release."""
    return is_ours(policy) and policy.labels.get(_COMPONENT) == _OF_COMPONENT


def of_components(manifest: Manifest) -> bool:
    """Say whether it is one of these policies, or has the further rules that the values declare."""
    declared = manifest.labels.get(_COMPONENT) == _DECLARED
    return closes_component(manifest) or (is_ours(manifest) and declared)


def has_airflow(render: Render) -> bool:
    """Say whether the pods of Airflow are in the render.

    The stand-in for the official chart has only those of tasks and Jobs.
    """
    return any(
        pod.owner.kind in LONG_LIVED_KINDS and pod.labels.get("tier") == "airflow"
        for pod in render.pods()
    )


@dataclass(frozen=True, eq=False)
class Opening:
    """One peer and one port of one rule. None stands for everybody, or for all ports."""

    policy: Manifest
    peer: Mapping[str, Any] | None
    port: Mapping[str, Any] | None

    def __str__(self) -> str:
        peer = "everywhere" if self.peer is None else _words(self.peer)
        port = "every port" if self.port is None else _port_in_words(self.port)
        return f"{peer} on {port}"


class Policies:
    """The NetworkPolicies of a render."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._all = render.all("NetworkPolicy")

    def of(self, pod: Pod, direction: Direction) -> list[Manifest]:
        """Return the policies that close ``pod`` in this direction but for what they open."""
        return [
            policy
            for policy in self._all
            if namespace_of(pod, self._render) == self._namespace(policy)
            and selects(policy.at("spec", "podSelector", default={}), labels_of(pod))
            and direction in types_of(policy)
        ]

    def component(self, pod: Pod) -> str:
        """Return the name of the pod's component in `networkPolicies`; "" where it is none."""
        for policy in self.of(pod, "Ingress"):
            if closes_component(policy) and not policy.name.endswith("-default-deny"):
                return policy.name.rpartition("-network-")[2]
        return ""

    def openings(self, pod: Pod, direction: Direction) -> Iterator[Opening]:
        """Yield what these policies open."""
        for policy in self.of(pod, direction):
            yield from openings(policy, direction)

    def lets(self, edge: Edge, direction: Direction, claimed: frozenset[int]) -> bool:
        """Say whether the pod at this end of ``edge`` may be part of it.

        ``claimed`` are the ports on which the pod needs something else (see ``matches``).
        """
        pod = _end(edge, direction)
        return not self.of(pod, direction) or any(
            self.matches(opening, edge, direction, claimed)
            for opening in self.openings(pod, direction)
        )

    def matches(
        self, opening: Opening, edge: Edge, direction: Direction, claimed: frozenset[int]
    ) -> bool:
        """Say whether ``opening`` is one for ``edge``.

        Where the port of ``edge`` is not sure and none of the likely ones is open, it may be any
        that is not ``claimed`` by something else.
        """
        if edge.target == EVERYWHERE:
            return opening.port is None and (opening.peer is None or _is_any_address(opening.peer))
        other = edge.source if direction == "Ingress" else edge.target
        if not self._peer(opening, other):
            return False
        if self._has_port(opening, edge):
            return True
        numbers = _numbers(opening, edge)
        if edge.sure or not numbers or _overlap(numbers, claimed):
            return False
        return not any(
            self._peer(each, other)
            and self._has_port(each, edge)
            and not _overlap(_numbers(each, edge), claimed)
            for each in self.openings(_end(edge, direction), direction)
        )

    def _has_port(self, opening: Opening, edge: Edge) -> bool:
        """Say whether ``opening`` has a likely port of ``edge``, or all ports."""
        if opening.port is None:
            return True
        same: bool = opening.port.get("protocol", "TCP") == edge.protocol
        if "port" not in opening.port or (isinstance(opening.port["port"], str) and _unseen(edge)):
            return same
        return same and _overlap(_numbers(opening, edge), edge.ports)

    def selected(self, opening: Opening) -> list[Pod]:
        """Return the pods of the render that the peer selects by their labels alone."""
        if opening.peer is None or opening.peer.keys() != {"podSelector"}:
            return []
        return [pod for pod in self._render.pods() if self._peer(opening, pod)]

    def _peer(self, opening: Opening, other: Pod | Place) -> bool:
        peer = opening.peer
        if peer is None:
            return True
        if isinstance(other, Place):
            return self._peer_is_place(opening, other)
        if "ipBlock" in peer:
            return False  # nobody knows the address of a pod
        namespace = namespace_of(other, self._render)
        if "namespaceSelector" in peer:
            if not _may_select_namespace(peer["namespaceSelector"] or {}, namespace):
                return False
        elif namespace != self._namespace(opening.policy):
            return False
        return selects(peer.get("podSelector") or {}, labels_of(other))

    def _peer_is_place(self, opening: Opening, place: Place) -> bool:
        peer = opening.peer or {}
        if "ipBlock" in peer:
            if place.address:
                return _in_block(place.address, peer["ipBlock"])
            return place.namespace is None
        if place.address or place.outside:
            return False
        if "namespaceSelector" in peer:
            selector = peer["namespaceSelector"] or {}
            return place.namespace is None or _may_select_namespace(selector, place.namespace)
        own = place.namespace in (None, self._namespace(opening.policy))
        return own and not self.selected(opening)

    def _namespace(self, policy: Manifest) -> str:
        return policy.namespace or self._render.namespace


def types_of(policy: Manifest) -> tuple[str, ...]:
    """Return the directions that a policy closes; without policyTypes its rules say them."""
    types = policy.at("spec", "policyTypes", default=())
    has_egress = policy.at("spec", "egress", default=())
    return tuple(types) or (("Ingress", "Egress") if has_egress else ("Ingress",))


def openings(policy: Manifest, direction: Direction) -> Iterator[Opening]:
    """Yield each peer and port of each rule of ``policy``."""
    field, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    for rule in policy.at("spec", field, default=None) or ():
        for peer in (rule or {}).get(peers) or (None,):
            for port in rule.get("ports") or (None,):
                yield Opening(policy, peer, port)


def _end(edge: Edge, direction: Direction) -> Pod:
    """Return the pod at whose end the policies of this direction are."""
    end = edge.target if direction == "Ingress" else edge.source
    assert isinstance(end, Pod)
    return end


def _unseen(edge: Edge) -> bool:
    """Say whether nobody sees the names of the ports that are connected to."""
    return not isinstance(edge.target, Pod)


def _numbers(opening: Opening, edge: Edge) -> Sequence[int]:
    """Return the numbers of the port of ``opening``, if it has the protocol of ``edge``."""
    port = opening.port or {}
    if port.get("protocol", "TCP") != edge.protocol or "port" not in port:
        return ()
    number = port["port"]
    if isinstance(number, str):
        named = {} if _unseen(edge) else container_ports(edge.target, edge.protocol)  # type: ignore[arg-type]
        return [named[number]] if number in named else ()
    return range(number, port.get("endPort", number) + 1)


def _overlap(numbers: Sequence[int], others: Iterable[int]) -> bool:
    return any(each in numbers for each in others)


def _may_select_namespace(selector: Mapping[str, Any], namespace: str) -> bool:
    """Say whether a namespace of that name may have the labels, of which only one is known."""
    equal = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    known = {
        "matchLabels": {key: value for key, value in equal.items() if key == _NAMESPACE},
        "matchExpressions": [each for each in expressions if each["key"] == _NAMESPACE],
    }
    return selects(known, {_NAMESPACE: namespace})


def _is_any_address(peer: Mapping[str, Any]) -> bool:
    return str((peer.get("ipBlock") or {}).get("cidr", "")).endswith("/0")


def _in_block(address: str, block: Mapping[str, Any]) -> bool:
    here = ipaddress.ip_address(address)
    without = block.get("except") or ()
    return here in ipaddress.ip_network(block["cidr"], strict=False) and not any(
        here in ipaddress.ip_network(each, strict=False) for each in without
    )


def _words(peer: Mapping[str, Any]) -> str:
    parts = []
    if "ipBlock" in peer:
        parts.append(f"addresses in {peer['ipBlock']['cidr']}")
    if "podSelector" in peer or "namespaceSelector" in peer:
        parts.append(f"pods {_selector(peer.get('podSelector'))}".rstrip())
    if "namespaceSelector" in peer:
        parts.append(f"in namespaces {_selector(peer['namespaceSelector']) or 'of any name'}")
    return " ".join(parts)


def _selector(selector: Mapping[str, Any] | None) -> str:
    equal = [f"{key}={value}" for key, value in ((selector or {}).get("matchLabels") or {}).items()]
    rest = [
        " ".join((each["key"], each["operator"], ",".join(each.get("values") or ()))).rstrip()
        for each in (selector or {}).get("matchExpressions") or ()
    ]
    return ", ".join((*equal, *rest))


def _port_in_words(port: Mapping[str, Any]) -> str:
    numbers = [str(port[key]) for key in ("port", "endPort") if key in port]
    return f"{'-'.join(numbers) or 'every port'}/{port.get('protocol', 'TCP')}"
