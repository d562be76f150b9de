"""What the wrapper refuses about NetworkPolicies."""

from typing import Any

from .case import Case, airflow, wrapper


def rules(key: str, component: str) -> dict[str, Any]:
    """Return values with a rule for a component."""
    return {"networkPolicies": {key: {component: [{"ports": [{"port": 443}]}]}}}


CASES: dict[str, Case] = {
    "the official chart's NetworkPolicies": airflow(
        "Two sets of NetworkPolicies are on", networkPolicies={"enabled": True}
    ),
    "the exporter's NetworkPolicy beside the others": wrapper(
        "Two NetworkPolicies would be about the statsd-exporter",
        {"observability": {"statsdExporter": {"networkPolicy": {"enabled": True}}}},
    ),
    "ingress rules for pods that there are not": wrapper(
        "networkPolicies.extraIngress has rules for webserver, which this release does not have",
        rules("extraIngress", "webserver"),
    ),
    "egress rules for pods that there are not": wrapper(
        "networkPolicies.extraEgress has rules for worker, which this release does not have",
        rules("extraEgress", "worker"),
    ),
}
