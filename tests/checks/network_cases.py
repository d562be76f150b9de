"""What the checks of the network must report, and what they must not."""

from typing import Any

from .conftest import Edits

INGRESS_ONLY = ["Ingress"]
EGRESS_ONLY = ["Egress"]
BOTH = ["Ingress", "Egress"]
EXPORTER = {"app.kubernetes.io/name": "statsd-exporter"}
API_SERVER = {"component": "api-server"}
TRIGGERER = {"component": "triggerer"}
TASKS = {"kubernetes_executor": "True"}


def policy(
    selector: dict[str, Any], types: list[str], component: str = "own", **rules: Any
) -> dict[str, Any]:
    """Return a NetworkPolicy; ``component`` network-policy: one that networkPolicies makes."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"labels": {"app.kubernetes.io/component": component}},
        "spec": {"podSelector": {"matchLabels": selector}, "policyTypes": types, **rules},
    }


def closing(*policies: dict[str, Any]) -> Edits:
    """Return an edit that adds these policies."""
    named = {f"own-{number}": each for number, each in enumerate(policies)}
    return {
        f"NetworkPolicy/{name}": {**each, "metadata": {**each["metadata"], "name": name}}
        for name, each in named.items()
    }


def ours(selector: dict[str, Any], **rules: Any) -> Edits:
    """Return an edit that adds a policy for a component."""
    return closing(policy(selector, BOTH, "network-policy", **rules))


PROMETHEUS: dict[str, Any] = {"namespaceSelector": {}}
SENDERS = [{"podSelector": {"matchLabels": each}} for each in (API_SERVER, TRIGGERER, TASKS)]
UDP = [{"port": "statsd-ingest", "protocol": "UDP"}]
SCRAPE = [{"port": 9102, "protocol": "TCP"}]
DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
TO_EXPORTER = {
    "to": [{"podSelector": {"matchLabels": EXPORTER}}],
    "ports": [{"port": 9125, "protocol": "UDP"}],
}
GOOD_EXPORTER = [{"from": SENDERS, "ports": UDP}, {"from": [PROMETHEUS], "ports": SCRAPE}]

BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "needed_connections_are_open": [
        (
            closing(policy(API_SERVER, INGRESS_ONLY)),
            "may not be reached by users, programs and ingress controllers on 8080/TCP",
        ),
        (closing(policy(API_SERVER, INGRESS_ONLY)), "networkPolicies.users in the values"),
        (closing(policy(TRIGGERER, EGRESS_ONLY, egress=[TO_EXPORTER])), "the DNS of the cluster"),
        (closing(policy(TRIGGERER, EGRESS_ONLY, egress=[TO_EXPORTER])), "networkPolicies.dns"),
        # Task pods have a label that their template has not.
        (closing(policy(TASKS, EGRESS_ONLY, egress=[DNS, TO_EXPORTER])), "connect to Loki"),
        (
            closing(policy(TASKS, EGRESS_ONLY, egress=[DNS])),
            "connect to Deployment/airflow-statsd-exporter on 9125/UDP",
        ),
        # A port of UDP is not opened as one of TCP.
        (
            closing(
                policy(
                    TRIGGERER,
                    EGRESS_ONLY,
                    egress=[DNS, {**TO_EXPORTER, "ports": [{"port": 9125, "protocol": "TCP"}]}],
                )
            ),
            "9125/UDP, which is needed (statsd_host in airflow.cfg)",
        ),
        (
            {
                "NetworkPolicy/airflow-statsd-exporter": None,
                **closing(policy(EXPORTER, INGRESS_ONLY, ingress=[GOOD_EXPORTER[0]])),
            },
            "may not be reached by Prometheus on 9102/TCP",
        ),
        (
            {
                "NetworkPolicy/airflow-statsd-exporter": None,
                **closing(policy(EXPORTER, INGRESS_ONLY, ingress=[GOOD_EXPORTER[1]])),
            },
            "may not be reached by Deployment/airflow-api-server on 9125/UDP",
        ),
        (
            {
                "NetworkPolicy/airflow-statsd-exporter": None,
                **closing(
                    policy(
                        EXPORTER,
                        INGRESS_ONLY,
                        ingress=[{"from": SENDERS[:2], "ports": UDP}, GOOD_EXPORTER[1]],
                    )
                ),
            },
            "may not be reached by task pods on 9125/UDP",
        ),
    ],
    "open_connections_are_needed": [
        (
            ours(EXPORTER, ingress=[*GOOD_EXPORTER, {"ports": [{"port": 22}]}]),
            "be reached by everywhere on 22/TCP, which nothing needs",
        ),
        (
            ours(EXPORTER, ingress=GOOD_EXPORTER, egress=[{}]),
            "connect to everywhere on every port, which nothing needs",
        ),
        (
            ours(EXPORTER, ingress=[{"from": [{"podSelector": {}}], "ports": UDP}]),
            "as well, by pods on statsd-ingest/UDP, which nothing needs",
        ),
        (
            ours(API_SERVER, egress=[{"to": [{"podSelector": {"matchLabels": TRIGGERER}}]}]),
            "connect to pods component=triggerer on every port, which nothing needs",
        ),
        (
            ours(
                API_SERVER,
                egress=[
                    DNS,
                    {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 25}]},
                ],
            ),
            "declare it in networkPolicies.extraEgress",
        ),
    ],
    "every_pod_of_the_release_has_a_policy": [
        (ours(EXPORTER), "Deployment/airflow-api-server"),
        (
            closing(policy({}, INGRESS_ONLY, "network-policy")),
            "no NetworkPolicy closes its egress",
        ),
        (ours({"tier": "airflow"}), "no NetworkPolicy closes its ingress"),
    ],
}

# What must not be reported.
ALLOWED: dict[str, list[Edits]] = {
    "needed_connections_are_open": [
        closing(policy(API_SERVER, INGRESS_ONLY, ingress=[{}])),
        closing(policy(API_SERVER, INGRESS_ONLY, ingress=[{"ports": [{"port": "api-server"}]}])),
        closing(
            policy(API_SERVER, INGRESS_ONLY, ingress=[{"ports": [{"port": 8000, "endPort": 8100}]}])
        ),
        # Policies add up.
        closing(
            policy(TRIGGERER, EGRESS_ONLY, egress=[TO_EXPORTER]),
            policy(TRIGGERER, EGRESS_ONLY, egress=[DNS]),
        ),
        # A policy of another kind of traffic closes nothing here.
        closing(policy(TRIGGERER, INGRESS_ONLY)),
        closing(policy({"app": "of-somebody-else"}, BOTH)),
    ],
    "open_connections_are_needed": [
        ours(EXPORTER, ingress=GOOD_EXPORTER),
        # What the values declare is needed.
        closing(policy(EXPORTER, BOTH, "network-policy-extra", egress=[{}])),
    ],
    "every_pod_of_the_release_has_a_policy": [ours({})],
}
