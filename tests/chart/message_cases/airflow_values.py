"""What the wrapper refuses below ``airflow:``: keys without effect, versions that disagree."""

from collections.abc import Mapping
from typing import Any

from .case import Case, airflow

UNKNOWN = "The official Airflow chart has no such keys and would ignore them:\n\n- "
DEAD = (
    "The add-on's statsd-exporter takes the place of the official chart's, so these keys have no"
    " effect:\n\n- "
)
IMAGE = "Airflow {} is set, but the image has another version:\n\n- airflow.{}: {}\n"
EXTRA_MAPPINGS = [
    {
        "match": "airflow.my_team.orders.*",
        "name": "airflow_my_team_orders",
        "labels": {"shop": "$1"},
    }
]


def misspelt(key: str, near: str, value: Any, **values: Any) -> Case:
    return airflow(f"{UNKNOWN}airflow.{key}: did you mean {near}?\n", **values or {key: value})


def dead(key: str, instead: str, **statsd: Any) -> Case:
    return airflow(f"{DEAD}airflow.{key}{instead}\n", statsd=statsd)


def image(version: str, key: str, tag: str, **values: Any) -> Case:
    return airflow(IMAGE.format(version, key, tag), **values)


CASES: Mapping[str, Case] = {
    "two letters changed places": misspelt("wrokers", "workers", {"replicas": 3}),
    "two misspelt keys": airflow(
        f"{UNKNOWN}airflow.shceduler: did you mean scheduler?\n- airflow.wrokers: did you mean",
        wrokers={"replicas": 3},
        shceduler={"replicas": 1},
    ),
    "other case": misspelt("dagprocessor", "dagProcessor", {"replicas": 3}),
    "one letter missing": misspelt("executr", "executor", "KubernetesExecutor"),
    "short name": misspelt("dgas", "dags", {"mountPath": "/dags"}),
    "a list below a misspelt key": misspelt("toleration", "tolerations", [{"operator": "Exists"}]),
    "like no key": airflow(f"{UNKNOWN}airflow.xyz\n", xyz={"a": 1}),
    "one level deeper": misspelt(
        "rbac.createSCCRolebinding",
        "createSCCRoleBinding",
        True,
        rbac={"createSCCRolebinding": True},
    ),
    "a key of a later official chart": airflow(
        f"{UNKNOWN}airflow.workers.kubernetes.resources\n",
        workers={"kubernetes": {"resources": {"requests": {"cpu": 1}}}},
    ),
    "extra mappings": dead(
        "statsd.extraMappings",
        ": instead there is observability.statsdExporter.mapping.after",
        extraMappings=EXTRA_MAPPINGS,
    ),
    "override mappings": dead(
        "statsd.overrideMappings",
        ": instead there is observability.statsdExporter.mapping.before",
        overrideMappings=EXTRA_MAPPINGS,
    ),
    "cache": dead(
        "statsd.cache.size",
        ": instead there is observability.statsdExporter.cache.size",
        cache={"size": 5000},
    ),
    "no such setting": dead("statsd.cache.ttl", "", cache={"ttl": "10m"}),
    "tag without version": image(
        "3.1.7", "defaultAirflowTag", "2.10.5-python3.12", defaultAirflowTag="2.10.5-python3.12"
    ),
    "version without tag": image("2.10.5", "defaultAirflowTag", "3.1.7", airflowVersion="2.10.5"),
    "tag of the image": image(
        "3.1.7", "images.airflow.tag", "v3.3.0", images={"airflow": {"tag": "v3.3.0"}}
    ),
    "tag of a mirror": image(
        "3.1.7",
        "images.airflow.tag",
        "slim-2.11.0",
        images={
            "airflow": {"repository": "registry.example.com/apache/airflow", "tag": "slim-2.11.0"}
        },
    ),
    "tag of task pods": image(
        "3.1.7", "images.pod_template.tag", "3.0.6", images={"pod_template": {"tag": "3.0.6"}}
    ),
    "tag of task pods in airflow.cfg": image(
        "3.1.7",
        "config.kubernetes_executor.worker_container_tag",
        "2.11.0",
        config={
            "kubernetes_executor": {
                "worker_container_repository": "apache/airflow",
                "worker_container_tag": "2.11.0",
            }
        },
    ),
    "tag of task pods by a variable": airflow(
        "Airflow 3.1.7 is set, but the image has another version:\n\n"
        "- AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_TAG in airflow.scheduler.env: 2.11.0\n",
        config={"kubernetes_executor": {"worker_container_repository": "apache/airflow"}},
        scheduler={
            "env": [
                {"name": "A", "value": "b"},
                {"name": "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_TAG", "value": "2.11.0"},
            ]
        },
    ),
    "patch that sends other metrics": image(
        "2.10.3",
        "defaultAirflowTag",
        "2.10.5",
        airflowVersion="2.10.3",
        defaultAirflowTag="2.10.5",
    ),
    "metrics of another Airflow": airflow(
        "Airflow 3.3.0 is installed, but the metrics are mapped as Airflow 3.1.7 sends them",
        airflowVersion="3.3.0",
        defaultAirflowTag="3.3.0",
    ),
}
