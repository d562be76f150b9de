"""In every kind of release the policies open what is needed, and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Manifest, Render
from airflow_platform.network.policies import closes_component
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.support.frozen import freeze, thaw

from .conftest import CLOSED, STRICT, faults, may_connect, release

pytestmark = pytest.mark.official_chart

EXECUTORS = pytest.mark.parametrize("executor", ["KubernetesExecutor", "CeleryExecutor"])
AIRFLOWS = pytest.mark.parametrize("version", ["3", "2"])
SIDECAR = {
    "extraInitContainers": [
        {"name": 'vector{{ include "observability.taskLogs.initContainerFields" . }}'}
    ],
    "extraVolumes": [
        {"name": 'task-logs-config{{ include "observability.taskLogs.volumeFields" . }}'}
    ],
    "terminationGracePeriodSeconds": 30,
}


def git_by_ssh(repo: str) -> dict[str, Any]:
    """Values for DAGs from a repository by SSH."""
    of_ssh = {"sshKeySecret": "airflow-git-ssh", "knownHosts": "git.example.com ssh-ed25519 AAAA"}
    by_https = {"credentialsSecret": None}
    return {"airflow": {"dags": {"gitSync": {"repo": repo, **of_ssh, **by_https}}}}


# Settings that change who connects to whom.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "both executors": {
        "airflow": {"executor": "CeleryExecutor,KubernetesExecutor", "cleanup": {"enabled": True}}
    },
    "an external database": {"airflow": {"postgresql": {"enabled": False}}},
    "PgBouncer": {
        "secrets": {"refuseInValues": False},
        "airflow": {
            "postgresql": {"enabled": False},
            "pgbouncer": {"enabled": True, "configSecretName": "pgbouncer"},
            "data": {
                "metadataSecretName": None,
                "metadataConnection": {"host": "db.example.com", "port": 25060},
            },
            "triggerer": {"keda": {"enabled": True, "usePgbouncer": True}},
        },
    },
    "an external broker": {"airflow": {"redis": {"enabled": False}}},
    "Flower, KEDA and a load balancer": {
        "airflow": {
            "flower": {"enabled": True},
            "databaseCleanup": {"enabled": True},
            "apiServer": {"service": {"type": "LoadBalancer"}},
            "workers": {"keda": {"enabled": True}},
            "triggerer": {"keda": {"enabled": True}},
        }
    },
    "a login, a secrets backend and remote logs": {
        "airflow": {
            "apiServer": {"apiServerConfig": "OAUTH_PROVIDERS = []"},
            "config": {
                "logging": {"remote_logging": "True"},
                "secrets": {"backend": "airflow.providers.hashicorp.secrets.vault.VaultBackend"},
            },
        }
    },
    "logs in Elasticsearch": {
        "airflow": {
            "elasticsearch": {"enabled": True, "secretName": "elasticsearch"},
        }
    },
    "replicas of PostgreSQL": {
        "airflow": {
            "postgresql": {
                "architecture": "replication",
                "readReplicas": {"resources": {"limits": {"memory": "1Gi"}}},
            }
        }
    },
    "git by ssh": git_by_ssh("git@git.example.com:data/dags.git"),
    "git on a port of its own": git_by_ssh("ssh://git@git.example.com:2222/dags.git"),
    "a Loki elsewhere": {
        "global": {"taskLogs": {"loki": {"endpoint": "https://loki.example.com:3443"}}}
    },
    "a Loki in the namespace": {
        "global": {"taskLogs": {"loki": {"endpoint": "http://loki.lakehouse-platform:3100"}}}
    },
    "a Loki at an address": {
        "global": {"taskLogs": {"loki": {"endpoint": "http://10.9.8.7:3100"}}}
    },
    "metrics of sidecars": {
        "global": {"taskLogs": {"internalMetrics": {"enabled": True}}},
        "observability": {"podMonitor": {"enabled": True}},
    },
    "injection": {"observability": {"injection": {"enabled": True, "namespaces": ["team-a"]}}},
    "the official statsd": {
        "global": {"metrics": {"enabled": False}},
        "airflow": {"statsd": {"enabled": True}},
    },
    "neither metrics nor logs": {
        "global": {"metrics": {"enabled": False}, "taskLogs": {"enabled": False}}
    },
    "other ports": {
        "airflow": {
            "ports": {"apiServer": 9080, "workerLogs": 9793, "triggererLogs": 9794, "redisDB": 7379}
        }
    },
    "other names": {
        "airflow": {"fullnameOverride": "af", "postgresql": {"nameOverride": "pg"}},
        "global": {"observability": {"fullnameOverride": "obs"}},
    },
}


@EXECUTORS
@AIRFLOWS
@pytest.mark.parametrize("values", [{}, CLOSED], ids=["open", "closed"])
def test_prod_passes(executor: str, version: str, values: Mapping[str, Any]) -> None:
    assert faults(release(executor, version, values)) == []


@EXECUTORS
@pytest.mark.parametrize("name", SETTINGS)
def test_the_policies_follow_the_settings(executor: str, name: str) -> None:
    celery_only = name in {"both executors", "an external broker"}
    if celery_only and executor != "CeleryExecutor":
        pytest.skip("for CeleryExecutor")
    assert faults(release(executor, "3", SETTINGS[name], CLOSED)) == []


@AIRFLOWS
def test_the_scheduler_that_runs_tasks_passes(version: str) -> None:
    local = {
        "airflow": {
            "executor": "LocalExecutor",
            "cleanup": {"enabled": False},
            "scheduler": SIDECAR,
        }
    }
    assert faults(release("LocalExecutor", version, local, CLOSED)) == []


@pytest.mark.parametrize("helm", MAJORS)
def test_the_longest_release_name_that_postgresql_allows_passes(helm: int) -> None:
    name = "a-release-name-of-exactly-41-characters-x"
    assert faults(release("CeleryExecutor", "3", {}, helm=helm, release=name)) == []


@EXECUTORS
def test_a_task_of_airflow_3_reaches_the_api_server_and_no_database(executor: str) -> None:
    rendered = release(executor)
    tasks = "task-pod" if executor == "KubernetesExecutor" else "worker"
    assert may_connect(rendered, tasks, "api-server", 8080)
    assert may_connect(rendered, tasks, "statsd-exporter", 9125, "UDP")
    # A Celery worker keeps the results of Celery in the database.
    assert may_connect(rendered, tasks, "postgresql", 5432) == (tasks == "worker")


def test_a_task_of_airflow_2_reaches_the_database() -> None:
    assert may_connect(release(version="2"), "task-pod", "postgresql", 5432)


def test_task_pods_beside_celery_workers_reach_no_more_than_alone() -> None:
    both = release("CeleryExecutor", "3", SETTINGS["both executors"])
    assert may_connect(both, "worker", "postgresql", 5432)
    assert not may_connect(both, "task-pod", "postgresql", 5432)
    assert not may_connect(both, "task-pod", "redis", 6379)


def test_only_those_who_need_it_reach_a_component() -> None:
    rendered = release("CeleryExecutor")
    for source, target, port in (
        ("api-server", "redis", 6379),
        ("dag-processor", "redis", 6379),
        ("dag-processor", "api-server", 8793),
        ("triggerer", "worker", 8793),
        ("redis", "postgresql", 5432),
        ("statsd-exporter", "postgresql", 5432),
        ("migrate-database", "redis", 6379),
    ):
        assert not may_connect(rendered, source, target, port), (source, target)
    assert may_connect(rendered, "api-server", "worker", 8793)
    assert may_connect(rendered, "scheduler", "redis", 6379)


def test_with_pgbouncer_nobody_else_reaches_the_database() -> None:
    values = {"networkPolicies": {"enabled": True}, "airflow": {"pgbouncer": {"enabled": True}}}
    rendered = release("KubernetesExecutor", "3", values, environment="dev")
    assert faults(rendered) == []
    assert may_connect(rendered, "scheduler", "pgbouncer", 6543)
    assert may_connect(rendered, "pgbouncer", "postgresql", 5432)
    assert not may_connect(rendered, "scheduler", "postgresql", 5432)


def test_rules_say_where_things_are_as_far_as_the_values_tell() -> None:
    def to(component: str, values: Mapping[str, Any], port: int | None = None) -> Any:
        rendered = release("KubernetesExecutor", "3", values, CLOSED)
        policy = rendered.get("NetworkPolicy", f"airflow-network-{component}")
        wanted = {"protocol": "TCP", **({"port": port} if port else {})}
        (rule,) = (each for each in policy.at("spec", "egress") if wanted in each["ports"])
        return thaw(rule.get("to", "anywhere"))

    def in_namespace(name: str) -> list[dict[str, Any]]:
        return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}]

    assert to("scheduler", SETTINGS["an external database"]) == "anywhere", "by any port"
    known = {"database": {"external": {"host": "db.example.com"}}}
    named = {**SETTINGS["an external database"], **known}
    assert to("scheduler", named, 5432) == "anywhere"
    place = {"networkPolicies": {"database": {"to": [{"ipBlock": {"cidr": "10.1.0.0/24"}}]}}}
    external = {**SETTINGS["an external database"], **place}
    assert to("scheduler", external) == [{"ipBlock": {"cidr": "10.1.0.0/24"}}]
    assert to("task-pod", {}) == in_namespace("monitoring")
    assert to("task-pod", SETTINGS["a Loki in the namespace"]) == in_namespace("lakehouse-platform")
    assert to("task-pod", SETTINGS["a Loki elsewhere"], 3443) == "anywhere"
    address = [{"ipBlock": {"cidr": "10.9.8.7/32"}}]
    assert to("task-pod", SETTINGS["a Loki at an address"], 3100) == address


def test_a_collector_is_missed_until_the_values_declare_it() -> None:
    metrics = {"otel_on": "True", "otel_host": "otel.monitoring.svc.cluster.local"}
    values = {"airflow": {"config": {"metrics": {**metrics, "otel_port": 4318}}}}
    blocked = faults(release("KubernetesExecutor", "3", values))
    assert all("networkPolicies.extraEgress." in each for each in blocked)
    assert any("Deployment/airflow-scheduler" in each and "otel" in each for each in blocked)
    rule = {"ports": [{"port": 4318, "protocol": "TCP"}]}
    declared = {"networkPolicies": {"extraEgress": {"scheduler": [rule], "api-server": [rule]}}}
    assert faults(release("KubernetesExecutor", "3", values, declared)) == []


# --- Each rule matters


def openings(rendered: Render) -> Iterator[tuple[Manifest, str, int, str, int]]:
    """Each port and each peer of each rule of networkPolicies, by where it is."""
    for policy in filter(closes_component, rendered.all("NetworkPolicy")):
        for field in ("ingress", "egress"):
            for number, rule in enumerate(policy.at("spec", field, default=())):
                for part in ("ports", "from", "to"):
                    for index in range(len(rule.get(part) or ())):
                        yield policy, field, number, part, index


def edited(
    rendered: Render, policy: Manifest, place: tuple[str, int, str, int], entry: Any
) -> Render:
    """The release with another entry in a rule of a policy, or without it (None)."""
    field, number, part, index = place
    document = thaw(policy.document)
    entries = document["spec"][field][number][part]
    entries[index : index + 1] = [entry] if entry is not None else []
    if not entries:  # without ports, or without peers, all would be open
        del document["spec"][field][number]
    new = Manifest(freeze(document), policy.template, "")
    manifests = [new if each is policy else each for each in rendered.manifests]
    return rendered.replace(manifests=manifests)


# Ports that only the values tell: of the DNS, the API server of Kubernetes, a Loki in the cluster.
DNS_BY_TCP = {"port": 53, "protocol": "TCP"}
TOLD_BY_THE_VALUES: tuple[Mapping[str, Any], ...] = (
    {"port": 53, "protocol": "UDP"},
    DNS_BY_TCP,
    {"port": 6443, "protocol": "TCP"},
    {"protocol": "TCP"},
)


@EXECUTORS
def test_every_opening_is_missed_when_it_is_gone(executor: str) -> None:
    """But for DNS by TCP, which is for long answers."""
    rendered = release(executor, "3", STRICT)
    unnoticed = [
        (policy.name, field, number, part, index)
        for policy, field, number, part, index in openings(rendered)
        if policy.at("spec", field, number, part, index) != DNS_BY_TCP
        and not faults(edited(rendered, policy, (field, number, part, index), None))
    ]
    assert unnoticed == []


@EXECUTORS
def test_every_other_port_and_protocol_is_noticed(executor: str) -> None:
    rendered = release(executor, "3", STRICT)
    unnoticed = []
    for policy, field, number, part, index in openings(rendered):
        port = policy.at("spec", field, number, part, index)
        if part != "ports" or port == DNS_BY_TCP:
            continue
        swapped = {**port, "protocol": "UDP" if port["protocol"] == "TCP" else "TCP"}
        moved = () if port in TOLD_BY_THE_VALUES else ({**port, "port": 12345},)
        for other in (swapped, *moved):
            if not faults(edited(rendered, policy, (field, number, part, index), other)):
                unnoticed.append((policy.name, field, number, other))
    assert unnoticed == []


@EXECUTORS
def test_every_other_peer_is_noticed(executor: str) -> None:
    rendered = release(executor, "3", STRICT)
    unnoticed = []
    for policy, field, number, part, index in openings(rendered):
        peer = policy.at("spec", field, number, part, index)
        if part == "ports" or "namespaceSelector" in peer:
            continue
        for labels in ({"component": "elsewhere"}, {"release": "airflow"}):
            other = {"podSelector": {"matchLabels": labels}}
            if not faults(edited(rendered, policy, (field, number, part, index), other)):
                unnoticed.append((policy.name, field, number, other))
    assert unnoticed == []


def test_a_policy_that_is_gone_is_noticed() -> None:
    rendered = release()
    for policy in filter(closes_component, rendered.all("NetworkPolicy")):
        left = [each for each in rendered.manifests if each is not policy]
        missed = faults(rendered.replace(manifests=left))
        # The default is for pods that no other policy is about, of which there are none.
        assert bool(missed) == (not policy.name.endswith("-default-deny")), policy.name
