"""Releases with networkPolicies, by executor and by version of Airflow."""

from pathlib import Path
from typing import Any

from airflow_platform.checks.judge import CHECKS
from airflow_platform.manifests import Pod, Render
from airflow_platform.network.edges import Edge
from airflow_platform.network.policies import Policies
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT

CELERY = ROOT / "examples" / "celery" / "values.yaml"
VERSIONS = {
    "3": (),
    "2": ("airflow.airflowVersion=2.11.0", "airflow.defaultAirflowTag=2.11.0"),
}
# Only what Airflow itself needs is open.
CLOSED = {"networkPolicies": {"dagCode": {"connectEverywhere": False}}}
# Besides, what can be told apart is: no two services have the same address and port.
STRICT = {
    "networkPolicies": {
        **CLOSED["networkPolicies"],
        "kubernetesApi": {"ports": [6443]},
        "users": {
            "from": [
                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
            ]
        },
    },
    "airflow": {
        "dags": {
            "gitSync": {
                "repo": "git@git.example.com:data/dags.git",
                "credentialsSecret": None,
                "sshKeySecret": "airflow-git-ssh",
                "knownHosts": "git.example.com ssh-ed25519 AAAA",
            }
        }
    },
}

NETWORK_CHECKS = (
    "every_pod_of_the_release_has_a_policy",
    "needed_connections_are_open",
    "network_policies_select_pods",
    "open_connections_are_needed",
)


def release(
    executor: str = "KubernetesExecutor", version: str = "3", *values: Any, **arguments: Any
) -> Render:
    """Prod, or another environment, with this executor and version of Airflow."""
    environment = arguments.pop("environment", "prod")
    overlay: list[Path] = [CELERY] if executor == "CeleryExecutor" else []
    sets = (*VERSIONS[version], *arguments.pop("sets", ()))
    return render(environment, values=[*overlay, *values], sets=sets, **arguments)


def faults(rendered: Render) -> list[str]:
    """What the checks of the network say."""
    return [str(found) for name in NETWORK_CHECKS for found in CHECKS[name](rendered)]


def pod_of(rendered: Render, component: str) -> Pod:
    """The pod of a component, by its name in networkPolicies."""
    policies = Policies(rendered)
    (found,) = (pod for pod in rendered.pods() if policies.component(pod) == component)
    return found


def may_connect(
    rendered: Render, source: str, target: str, port: int, protocol: str = "TCP"
) -> bool:
    """Whether both ends let a component connect to a port of another one."""
    edge = Edge(pod_of(rendered, source), pod_of(rendered, target), (port,), "", "", "", protocol)
    policies = Policies(rendered)
    return policies.lets(edge, "Egress", frozenset()) and policies.lets(
        edge, "Ingress", frozenset()
    )
