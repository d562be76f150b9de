"""A small release that is sound, and objects with which a test makes it unsound."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from airflow_platform.cluster.release_record import ReleaseRecord
from airflow_platform.doctor.facts import Facts, Loki, Moment
from airflow_platform.support.errors import PlatformError

Object = dict[str, Any]

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
NAMESPACE = "team"
MONITORING = "monitoring.coreos.com/v1"

_SIDECAR: Object = {
    "name": "vector",
    "image": "docker.io/timberio/vector:0.58.0-alpine",
    "restartPolicy": "Always",
    "envFrom": [{"secretRef": {"name": "loki", "optional": True}}],
}
_TEMPLATE: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "placeholder"},
    "spec": {
        "initContainers": [_SIDECAR],
        "containers": [{"name": "base", "image": "apache/airflow:3.1.7"}],
    },
}
_VECTOR: Object = {
    "sources": {},
    "transforms": {},
    "sinks": {"loki": {"type": "loki", "endpoint": "http://loki:3100"}},
}
_OURS = {"app.kubernetes.io/instance": "airflow", "app.kubernetes.io/name": "statsd-exporter"}
_EXPORTER = {**_OURS, "app.kubernetes.io/component": "statsd-exporter"}
_VALUES: Mapping[str, Any] = {
    "global": {"metrics": {"airflowVersion": "3.1.7"}},
    "airflow": {"airflowVersion": "3.1.7"},
}


def airflow(component: str) -> dict[str, str]:
    """The labels of Airflow's own objects."""
    return {"tier": "airflow", "component": component, "release": "airflow"}


def ago(**time: float) -> str:
    """A time as Kubernetes writes it."""
    return (NOW - timedelta(**time)).isoformat().replace("+00:00", "Z")


def _made(kind: str, name: str, api: str = "v1", labels: Any = None, **content: Any) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels or {}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **content}


def _workload(kind: str, component: str, **spec: Any) -> Object:
    labels = airflow(component)
    container = {
        "name": component,
        "image": "apache/airflow:3.1.7",
        "env": [
            {
                "name": "FERNET_KEY",
                "valueFrom": {"secretKeyRef": {"name": "fernet", "key": "fernet-key"}},
            }
        ],
        "envFrom": [{"configMapRef": {"name": "settings"}}],
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"imagePullSecrets": [{"name": "mirror"}], "containers": [container]},
    }
    api = "batch/v1" if kind == "Job" else "apps/v1"
    return _made(kind, f"airflow-{component}", api, labels, spec={"template": template, **spec})


MANIFESTS: tuple[Object, ...] = (
    _workload("Deployment", "scheduler", replicas=1),
    _workload("Job", "run-airflow-migrations"),
    _made("ServiceAccount", "airflow-scheduler"),
    _made(
        "ConfigMap",
        "airflow-config",
        data={"pod_template_file.yaml": yaml.safe_dump(_TEMPLATE)},
    ),
    _made("ConfigMap", "airflow-task-logs", data={"vector.yaml": yaml.safe_dump(_VECTOR)}),
    _made(
        "Deployment",
        "airflow-statsd-exporter",
        "apps/v1",
        _EXPORTER,
        spec={
            "replicas": 1,
            "template": {
                "metadata": {"labels": _EXPORTER},
                "spec": {"containers": [{"name": "statsd-exporter", "image": "exporter:v1"}]},
            },
        },
    ),
    _made("Service", "airflow-statsd-exporter", "v1", _EXPORTER, spec={"selector": dict(_OURS)}),
    _made("ServiceMonitor", "airflow-statsd-exporter", MONITORING, _EXPORTER, spec={}),
    _made(
        "PrometheusRule",
        "airflow-alerts",
        MONITORING,
        spec={"groups": [{"name": "g", "rules": [{"alert": "DagRunFailed", "expr": "1"}]}]},
    ),
    _made(
        "Ingress",
        "airflow",
        "networking.k8s.io/v1",
        spec={
            "ingressClassName": "nginx",
            "tls": [{"secretName": "certificate", "hosts": ["airflow.example.com"]}],
        },
    ),
)


def pod(name: str, component: str, kind: str = "ReplicaSet", **status: Any) -> Object:
    """A pod of a workload, which runs."""
    labels = {**airflow(component), "pod-template-hash": "abc"}
    owner = f"airflow-{component}" + ("-abc" if kind == "ReplicaSet" else "")
    made = _made("Pod", name, labels=labels)
    made["metadata"]["ownerReferences"] = [{"kind": kind, "name": owner}]
    made["metadata"]["creationTimestamp"] = ago(hours=2)
    made["spec"] = {"containers": [{"name": component, "image": "apache/airflow:3.1.7"}]}
    running = container(component, {"running": {"startedAt": ago(hours=2)}}, ready=True)
    made["status"] = {"phase": "Running", "containerStatuses": [running], **status}
    return made


def task(name: str, **status: Any) -> Object:
    """A pod of a task that runs, with the sidecar."""
    labels = {"kubernetes_executor": "True", "dag_id": "sales", "task_id": "load"}
    made = _made("Pod", name, labels={**labels, **airflow("worker")})
    made["metadata"]["annotations"] = {"dag_id": "sales", "task_id": "load"}
    made["metadata"]["creationTimestamp"] = ago(minutes=20)
    made["spec"] = copy.deepcopy(_TEMPLATE["spec"])
    made["spec"]["nodeName"] = "node-1"
    made["status"] = {
        "phase": "Running",
        "initContainerStatuses": [container("vector", {"running": {}}, ready=True)],
        "containerStatuses": [container("base", {"running": {}}, ready=True)],
        **status,
    }
    return made


def container(name: str, state: Object, **more: Any) -> Object:
    """The status of a container."""
    return {"name": name, "state": state, "ready": False, "restartCount": 0, **more}


def ended(code: int, message: str = "", reason: str = "Error", minutes: float = 10) -> Object:
    """The state of a container that has ended."""
    end = {"exitCode": code, "reason": reason, "message": message}
    return {"terminated": {**end, "finishedAt": ago(minutes=minutes)}}


def ended_sidecar(code: int, message: str = "", reason: str = "Error") -> Object:
    """A task pod whose containers have ended, the sidecar with a message."""
    return task(
        "load-1",
        phase="Succeeded",
        initContainerStatuses=[container("vector", ended(code, message, reason))],
        containerStatuses=[container("base", ended(0, reason="Completed"))],
    )


def waits(name: str, reason: str, message: str = "") -> Object:
    """The status of a container that waits."""
    return container(name, {"waiting": {"reason": reason, "message": message}})


def condition(kind: str, status: str, message: str = "", reason: str = "") -> Object:
    """A condition, as many kinds of objects have them."""
    return {"type": kind, "status": status, "message": message, "reason": reason}


def event(reason: str, kind: str, name: str, message: str = "", **about: Any) -> Object:
    """An event of ten minutes ago."""
    made = _made("Event", f"{name}.{reason}")
    involved = {"kind": kind, "name": name, **about}
    return {
        **made,
        "reason": reason,
        "message": message,
        "involvedObject": involved,
        "lastTimestamp": ago(minutes=10),
    }


def made(kind: str, name: str, **content: Any) -> Object:
    """Any other object; ``labels`` and the like go into its metadata."""
    inside = ("labels", "annotations", "finalizers", "deletionTimestamp", "namespace")
    metadata = {key: content.pop(key) for key in inside if key in content}
    made_object = _made(kind, name, **content)
    made_object["metadata"] |= metadata
    return made_object


class Answers:
    """A Loki or a Prometheus that answers what a test says, by path; an error is raised."""

    url = "http://service:80"

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def get(self, path: str, /, **query: object) -> Any:
        answer = self._answers[path]
        answer = answer(**query) if callable(answer) else answer
        if isinstance(answer, PlatformError):
            raise answer
        return {"data": answer}


def loki(lines: Any = ("a line",), error: PlatformError | None = None, **more: Any) -> Loki:
    """A Loki with some lines."""
    return Loki(Answers({"/loki/api/v1/query_range": {"result": lines}}), error, **more)


def prometheus(
    up: str | None = "1", series: bool = True, alerts: Any = (), rules: Any = ("DagRunFailed",)
) -> Answers:
    """A Prometheus that scrapes the exporter and knows its rules."""

    def ask(query: str) -> Any:
        if query.startswith("up{"):
            return {"result": [{"value": [0, up]}] if up else []}
        return {"result": [{"value": [0, "9"]}] if series else []}

    return Answers(
        {
            "/api/v1/query": ask,
            "/api/v1/rules": {"groups": [{"rules": [{"name": name} for name in rules]}]},
            "/api/v1/alerts": {"alerts": alerts},
        }
    )


def _sound() -> list[Object]:
    live = [copy.deepcopy(each) for each in MANIFESTS]
    for each in live:
        if each["kind"] == "Job":
            each["status"] = {"conditions": [condition("Complete", "True")], "succeeded": 1}
        if each["kind"] == "Ingress":
            each["status"] = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
    everything: dict[str, dict[str, str]] = {"matchLabels": {}}
    select = {
        f"{kind}{what}Selector": everything
        for kind in ("serviceMonitor", "rule")
        for what in ("", "Namespace")
    }
    return [
        *live,
        made("Secret", "fernet", data={"fernet-key": "eA=="}),
        made("Secret", "mirror", data={}),
        made("Secret", "loki", data={}),
        made("Secret", "certificate", data={}),
        made("ConfigMap", "settings", data={}),
        pod("airflow-scheduler-abc-1", "scheduler"),
        pod("airflow-statsd-exporter-abc-1", "statsd-exporter"),
        made(
            "EndpointSlice",
            "airflow-statsd-exporter-x",
            labels={"kubernetes.io/service-name": "airflow-statsd-exporter"},
            endpoints=[{"addresses": ["10.0.0.2"], "conditions": {"ready": True}}],
        ),
        made("Node", "node-1", status={"conditions": [condition("Ready", "True")]}),
        made("Lease", "node-1", spec={"renewTime": ago(seconds=5)}),
        made(
            "StorageClass",
            "fast",
            annotations={"storageclass.kubernetes.io/is-default-class": "true"},
        ),
        made("Prometheus", "k8s", namespace="monitoring", spec=select),
        made("Namespace", NAMESPACE),
    ]


RECORD = ReleaseRecord(
    name="airflow",
    namespace=NAMESPACE,
    revision=3,
    status="deployed",
    description="Upgrade complete",
    changed=NOW - timedelta(hours=3),
    chart="airflow-platform",
    chart_version="0.1.0",
    values=_VALUES,
    manifest="\n---\n".join(json.dumps(each) for each in MANIFESTS),
)


def facts(
    *others: Object,
    without: Callable[[Object], bool] = lambda _: False,
    change: Callable[[Object], None] = lambda _: None,
    record: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Facts:
    """The sound release with ``others``.

    Objects ``without`` are left out, ``change`` is called with each of the rest; ``record`` are
    changes of Helm's record, ``changes`` those of the facts.
    """
    objects: dict[str, Any] = {"Event": [], "PersistentVolumeClaim": [], "ReplicaSet": []}
    objects |= {"StatefulSet": [], "DaemonSet": [], "Job": [], "Lease": []}
    for each in [*_sound(), *copy.deepcopy(list(others))]:
        change(each)
        if not without(each):
            objects.setdefault(each["kind"], []).append(each)
    for each in MANIFESTS:
        objects.setdefault(each["kind"], [])
    known = replace(RECORD, **(record or {}))
    defaults: dict[str, Any] = {
        "namespace": NAMESPACE,
        "name": "airflow",
        "kubectl": f"kubectl -n {NAMESPACE}",
        "helm": f"helm -n {NAMESPACE}",
        "record": known,
        "deployed": known if known.status == "deployed" else replace(RECORD, revision=2),
        "objects": {**objects, **changes.pop("objects", {})},
        "served": {
            (MONITORING, kind): True for kind in ("Prometheus", "ServiceMonitor", "PrometheusRule")
        },
        "version": "1.36.3",
        "checkout": "0.1.0",
        "now": NOW,
        "clock": Moment(NOW, NOW),
        "loki": loki(),
        "prometheus": prometheus(),
    }
    return Facts(**{**defaults, **changes})


def is_a(kind: str, name: str = "") -> Callable[[Object], bool]:
    """Say whether an object is of a kind, and has a name if one is given."""
    return lambda each: each["kind"] == kind and name in ("", each["metadata"]["name"])


def changed(kind: str, name: str, what: Callable[[Object], None]) -> Callable[[Object], None]:
    """Change one object of the sound release."""

    def change(each: Object) -> None:
        if is_a(kind, name)(each):
            what(each)

    return change
