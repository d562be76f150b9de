"""NetworkPolicies are read as Kubernetes reads them."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from airflow_platform.manifests import Pod, Render
from airflow_platform.network.edges import EVERYWHERE, Edge, Place, place_of
from airflow_platform.network.policies import Policies

NAMESPACE = "lakehouse-platform"
KUBERNETES_NAME = "kubernetes.io/metadata.name"


def deployment(name: str, **labels: str) -> dict[str, Any]:
    port = {"name": "web", "containerPort": 8080}
    pod = {
        "metadata": {"labels": {"app": name, **labels}},
        "spec": {"containers": [{"name": name, "ports": [port]}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"template": pod},
    }


def policy(rules: Mapping[str, Any], app: str = "server") -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "policy"},
        "spec": {"podSelector": {"matchLabels": {"app": app}}, **rules},
    }


def rendered(*more: Mapping[str, Any]) -> Render:
    objects = [deployment("server"), deployment("client", team="data"), *more]
    return Render.from_text(yaml.dump_all(objects), namespace=NAMESPACE)


def pod(render: Render, name: str) -> Pod:
    (found,) = (each for each in render.pods() if each.owner.name == name)
    return found


def admits(rule: Mapping[str, Any], port: int = 8080, protocol: str = "TCP") -> bool:
    """Whether a server with this ingress rule admits the client."""
    render = rendered(policy({"ingress": [rule]}))
    edge = Edge(pod(render, "client"), pod(render, "server"), (port,), "", "", "", protocol)
    return Policies(render).lets(edge, "Ingress", frozenset())


def reaches(rule: Mapping[str, Any], place: Place, port: int = 443, **fields: Any) -> bool:
    """Whether a client with this egress rule reaches a place."""
    render = rendered(policy({"egress": [rule], "policyTypes": ["Egress"]}, "client"))
    edge = Edge(pod(render, "client"), place, (port,), "", "", "", **fields)
    return Policies(render).lets(edge, "Egress", frozenset())


@pytest.mark.parametrize(
    ("rule", "admitted"),
    [
        ({}, True),
        ({"ports": [{"port": 8080}]}, True),
        ({"ports": [{"port": "web"}]}, True),
        ({"ports": [{"port": "metrics"}]}, False),
        ({"ports": [{"port": 8000, "endPort": 9000}]}, True),
        ({"ports": [{"port": 8081, "endPort": 9000}]}, False),
        ({"ports": [{"port": 8080, "protocol": "UDP"}]}, False),
        ({"ports": [{"protocol": "TCP"}]}, True),
        ({"from": [{"podSelector": {}}]}, True),
        ({"from": [{"podSelector": {"matchLabels": {"team": "data"}}}]}, True),
        ({"from": [{"podSelector": {"matchLabels": {"team": "web"}}}]}, False),
        (
            {
                "from": [
                    {"podSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}
                ]
            },
            True,
        ),
        ({"from": [{"namespaceSelector": {}}]}, True),
        ({"from": [{"namespaceSelector": {"matchLabels": {KUBERNETES_NAME: NAMESPACE}}}]}, True),
        ({"from": [{"namespaceSelector": {"matchLabels": {KUBERNETES_NAME: "other"}}}]}, False),
        # Both must hold: a peer is one selector, not two.
        (
            {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"team": "web"}}}]},
            False,
        ),
        # The address of a pod is not known.
        ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}, False),
    ],
)
def test_a_rule_admits_by_peer_and_port(rule: Mapping[str, Any], admitted: bool) -> None:
    assert admits(rule) == admitted


def test_a_port_of_udp_is_not_one_of_tcp() -> None:
    assert not admits({"ports": [{"port": 9125}]}, 9125, "UDP")
    assert admits({"ports": [{"port": 9125, "protocol": "UDP"}]}, 9125, "UDP")


def test_without_a_policy_all_is_open_and_a_policy_without_rules_closes_all() -> None:
    for policies, open_ in (((), True), ((policy({}),), False)):
        render = rendered(*policies)
        edge = Edge(pod(render, "client"), pod(render, "server"), (8080,), "", "", "")
        assert Policies(render).lets(edge, "Ingress", frozenset()) == open_


def test_a_policy_without_types_closes_ingress_and_only_with_egress_rules_egress() -> None:
    cases: tuple[tuple[dict[str, Any], bool], ...] = (({}, False), ({"egress": [{}]}, True))
    for rules, closed in cases:
        render = rendered(policy(rules, "client"))
        assert bool(Policies(render).of(pod(render, "client"), "Egress")) == closed
        assert Policies(render).of(pod(render, "client"), "Ingress")


BLOCK = {"to": [{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.7/32"]}}]}
LOKI = "loki.monitoring.svc.cluster.local"


@pytest.mark.parametrize(
    ("rule", "host", "reached"),
    [
        (BLOCK, "192.0.2.9", True),
        (BLOCK, "192.0.2.7", False),
        (BLOCK, "198.51.100.1", False),
        (BLOCK, "git.example.com", True),  # its address may be any
        (BLOCK, LOKI, False),
        ({"to": [{"namespaceSelector": {}}]}, LOKI, True),
        ({"to": [{"namespaceSelector": {}}]}, "git.example.com", False),
        ({"to": [{"namespaceSelector": {"matchLabels": {KUBERNETES_NAME: "x"}}}]}, LOKI, False),
        ({"to": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]}, LOKI, True),
        ({"to": [{"podSelector": {}}]}, LOKI, False),
        ({}, LOKI, True),
    ],
)
def test_a_rule_reaches_a_host(rule: Mapping[str, Any], host: str, reached: bool) -> None:
    assert reaches(rule, place_of(host, "the server")) == reached


def test_everything_is_open_by_an_empty_rule_or_any_address_only() -> None:
    assert reaches({}, EVERYWHERE)
    assert reaches({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, EVERYWHERE)
    assert not reaches({"ports": [{"port": 443}]}, EVERYWHERE)


def test_a_port_that_is_not_sure_may_be_another_one() -> None:
    database = Place("the database")
    assert reaches({"ports": [{"port": 25060}]}, database, 5432, sure=False)
    assert not reaches({"ports": [{"port": 25060}]}, database, 5432)
