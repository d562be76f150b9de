"""For each fault a release that has it, and one that is close to that and has not.

``mend`` is what one of the commands, or the values, must say.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow_platform.cluster.cluster import ApiError
from airflow_platform.doctor.facts import Facts, Moment
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.rest import AnswerError

from .objects import (
    MONITORING,
    NOW,
    ago,
    airflow,
    changed,
    condition,
    container,
    ended,
    ended_sidecar,
    event,
    facts,
    is_a,
    loki,
    made,
    pod,
    prometheus,
    task,
    waits,
)


@dataclass(frozen=True)
class Case:
    """``fires`` has the fault and ``near`` has not; ``says`` is in the words of the finding."""

    fires: Facts
    near: Facts
    says: str
    mend: str


REPORT = (
    "task logs: {files} files, 2309 bytes written, {delivered} delivered, {missing} missing,"
    " {refused} lines refused by Loki, 0 lines above 1048576 bytes skipped, 0 restarts of Vector,"
    " drained in 25000 ms{problems}"
)


def _report(missing: int = 0, refused: int = 0, files: int = 1, problems: str = "") -> str:
    return REPORT.format(
        files=files,
        delivered=2309 - missing,
        missing=missing,
        refused=refused,
        problems=problems,
    )


def _scheduler(**status: Any) -> Facts:
    return facts(pod("airflow-scheduler-abc-2", "scheduler", **status))


def _waiting(reason: str, message: str = "") -> Facts:
    return _scheduler(containerStatuses=[waits("scheduler", reason, message)])


def _unscheduled(message: str) -> Facts:
    return _scheduler(
        phase="Pending",
        containerStatuses=[],
        conditions=[condition("PodScheduled", "False", message, "Unschedulable")],
    )


def _ended(state: Mapping[str, Any], restarts: int) -> Facts:
    status = container("scheduler", {"running": {}}, ready=True, restartCount=restarts)
    return _scheduler(containerStatuses=[{**status, "lastState": state}])


def _replica_set(message: str | None, replicas: int = 0) -> Facts:
    conditions = [condition("ReplicaFailure", "True", message)] if message else []
    made_set = made(
        "ReplicaSet",
        "airflow-scheduler-def",
        labels=airflow("scheduler"),
        spec={"replicas": 1},
        status={"replicas": replicas, "conditions": conditions},
    )
    made_set["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "airflow-scheduler"}]
    return facts(made_set)


def _job(component: str, status: Mapping[str, Any], *others: Any) -> Facts:
    return facts(
        made("Job", f"airflow-{component}-1", labels=airflow(component), spec={}, status=status),
        *others,
        without=is_a("Job", "airflow-run-airflow-migrations"),
    )


_FAILED = {
    "startTime": ago(hours=1),
    "conditions": [
        condition("Failed", "True", "Job has reached its limit", "BackoffLimitExceeded")
    ],
}


def _waits_for_migration(minutes: float) -> Any:
    return pod(
        "airflow-scheduler-abc-3",
        "scheduler",
        startTime=ago(minutes=minutes),
        phase="Pending",
        initContainerStatuses=[
            {
                **waits("wait-for-airflow-migrations", "CrashLoopBackOff"),
                "restartCount": 9,
                "lastState": ended(1),
            }
        ],
        containerStatuses=[],
    )


def _claim(phase: str, storage_class: str | None = "slow", **more: Any) -> Facts:
    claim = made(
        "PersistentVolumeClaim",
        "data-airflow-postgresql-0",
        labels={"release": "airflow"},
        spec={"storageClassName": storage_class} if storage_class else {},
        status={"phase": phase},
    )
    return facts(claim, **more)


def _node(kind: str, status: str, message: str = "") -> Facts:
    conditions = [] if kind == "Ready" else [condition("Ready", "True")]
    conditions.append(condition(kind, status, message))
    return facts(made("Node", "node-2", status={"conditions": conditions}))


def _custom(kind: str, **content: Any) -> Facts:
    return facts(made(kind, "thing", **content))


def _flux(**content: Any) -> Facts:
    return _custom("HelmRelease", namespace="flux-system", **{"spec": {}, **content})


def _external(status: str) -> Facts:
    return _custom(
        "ExternalSecret",
        spec={"secretStoreRef": {"name": "vault"}, "target": {"name": "fernet"}},
        status={"conditions": [condition("Ready", status, "no key x", "SecretSyncedError")]},
    )


def _server(**spec: Any) -> Facts:
    server = made("Prometheus", "k8s", namespace="monitoring", spec=spec)
    return facts(server, without=lambda each: each is not server and is_prometheus(each, spec))


def is_prometheus(each: Any, spec: Any) -> bool:
    return bool(each["kind"] == "Prometheus" and each["spec"] != spec)


_ALL: Mapping[str, Any] = {
    "serviceMonitorSelector": {},
    "serviceMonitorNamespaceSelector": {},
    "ruleSelector": {},
    "ruleNamespaceSelector": {},
}


def _fingers(**containers: Any) -> Any:
    return task(
        "load-2",
        containerStatuses=[container(name, state) for name, state in containers.items()],
    )


def _pile(count: int) -> Facts:
    def age(each: Any) -> None:
        if each["metadata"]["name"].startswith("old-"):
            each["metadata"]["creationTimestamp"] = ago(hours=2)

    return facts(*(task(f"old-{number}", phase="Failed") for number in range(count)), change=age)


def _deleted(seconds: float) -> Facts:
    ending = task("load-3")
    ending["metadata"]["deletionTimestamp"] = ago(seconds=seconds)
    return facts(ending)


def _without_sidecar(**labels: str) -> Any:
    bare = task("load-4")
    bare["spec"]["initContainers"] = []
    bare["metadata"]["labels"] |= labels
    return bare


def _ordinary() -> Any:
    stripped = task("load-5")
    del stripped["spec"]["initContainers"][0]["restartPolicy"]
    return stripped


_POLICY = '{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy"'
_POLICY += ', "metadata": {"name": "airflow-task-logs"}, "spec": {}}'


def _with_policy(*others: Any) -> Facts:
    base = facts()
    assert base.record
    manifest = f"{base.record.manifest}\n---\n{_POLICY}"
    policy = made("MutatingAdmissionPolicy", "airflow-task-logs")
    return facts(*others, policy, record={"manifest": manifest})


def _database(**status: Any) -> Facts:
    base = facts()
    assert base.record
    document: dict[str, Any] = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster"}
    document |= {"metadata": {"name": "db"}, "spec": {"instances": 2}}
    manifest = f"{base.record.manifest}\n---\n{json.dumps(document)}"
    live = made("Cluster", "db", spec={"instances": 2}, status={"readyInstances": 2, **status})
    return facts(live, record={"manifest": manifest})


_RAN = event("Started", "Pod", "load-9", fieldPath="spec.initContainers{vector}")


def _image(tag: str, **settings: Any) -> Facts:
    def retag(each: Any) -> None:
        for one in each["spec"]["containers"]:
            one["image"] = f"apache/airflow:{tag}"

    return facts(change=changed("Pod", "airflow-scheduler-abc-1", retag), **settings)


def _of_version(airflow_version: str, metrics: str) -> Mapping[str, Any]:
    values = {
        "airflow": {"airflowVersion": airflow_version},
        "global": {"metrics": {"airflowVersion": metrics}},
    }
    return {"record": {"values": values}}


def _two_versions(tag: str) -> Facts:
    other = pod("airflow-triggerer-abc-1", "triggerer")
    other["spec"]["containers"][0]["image"] = f"apache/airflow:{tag}"
    return facts(other)


def _alert(state: str) -> Facts:
    labels = {"alertname": "DagRunFailed", "namespace": "team"}
    return facts(prometheus=prometheus(alerts=[{"state": state, "labels": labels}]))


def _moment(**ahead: float) -> Moment:
    return Moment(NOW + timedelta(**ahead), NOW)


def _loki_ahead(**ahead: float) -> Facts:
    return facts(loki=loki(moment=Moment(NOW, NOW + timedelta(**ahead))))


def _lease(**time: float) -> Facts:
    def renew(each: Any) -> None:
        each["spec"]["renewTime"] = ago(**time)

    return facts(change=changed("Lease", "node-1", renew))


def _data(each: Any) -> None:
    each["data"] = {"vector.yaml": "sinks: {}"}


def _annotate(each: Any) -> None:
    each["metadata"]["annotations"] = {"note": "by hand"}


def _no_key(each: Any) -> None:
    each["data"] = {"fernet": "eA=="}


def _zero(each: Any) -> None:
    each["spec"]["replicas"] = 0


def _two(each: Any) -> None:
    each["spec"]["replicas"] = 2


def _no_address(each: Any) -> None:
    each["status"] = {"loadBalancer": {}}


def _not_ready(each: Any) -> None:
    each["endpoints"][0]["conditions"] = {"ready": False}


def _unnamed_ready(each: Any) -> None:
    each["endpoints"][0]["conditions"] = {}


_PENDING = {"status": "pending-upgrade", "revision": 4}

CASES: Mapping[str, Case] = {
    # The release
    "release-failed": Case(
        facts(record={"status": "failed", "description": "timed out waiting"}),
        facts(),
        "timed out waiting",
        "helm -n team rollback airflow 2",
    ),
    "release-stuck": Case(
        facts(record=_PENDING),
        facts(record={**_PENDING, "changed": NOW - timedelta(minutes=2)}),
        "pending-upgrade",
        "helm -n team rollback airflow 2",
    ),
    "release-in-progress": Case(
        facts(record={**_PENDING, "changed": NOW - timedelta(minutes=2)}),
        facts(record=_PENDING),
        "pending-upgrade",
        "Wait for Helm",
    ),
    "object-missing": Case(
        facts(without=is_a("ServiceAccount")),
        facts(without=is_a("Event")),
        "not there",
        "helm -n team rollback airflow 3",
    ),
    "object-changed": Case(
        facts(change=changed("ConfigMap", "airflow-task-logs", _data)),
        facts(change=changed("ConfigMap", "airflow-task-logs", _annotate)),
        "vector.yaml",
        "delete configmap airflow-task-logs",
    ),
    "scaled-to-zero": Case(
        facts(change=changed("Deployment", "airflow-scheduler", _zero)),
        facts(change=changed("Deployment", "airflow-scheduler", _two)),
        "no pods",
        "scale deployment/airflow-scheduler --replicas=1",
    ),
    "kind-not-served": Case(
        facts(served={(MONITORING, "ServiceMonitor"): False, (MONITORING, "PrometheusRule"): True}),
        facts(),
        "ServiceMonitor",
        "helm upgrade --install kube-prometheus-stack kube-prometheus-stack -n monitoring",
    ),
    # What other programs do for it
    "flux-not-ready": Case(
        _flux(status={"conditions": [condition("Ready", "False", "values are wrong", "Failed")]}),
        _flux(status={"conditions": [condition("Ready", "Unknown", "", "Progressing")]}),
        "values are wrong",
        "flux reconcile helmrelease thing -n flux-system",
    ),
    "flux-suspended": Case(
        _flux(spec={"suspend": True}),
        _flux(spec={"suspend": False}),
        "suspended",
        "flux resume helmrelease thing -n flux-system",
    ),
    "external-secret-not-synced": Case(
        _external("False"), _external("True"), "no key x", "annotate --overwrite externalsecret"
    ),
    # Secrets and ConfigMaps
    "secret-missing": Case(
        facts(without=is_a("Secret", "fernet")),
        facts(change=changed("Secret", "fernet", _annotate)),
        "does not exist",
        "--release airflow --namespace team --format script > secrets.sh\nsh secrets.sh",
    ),
    "secret-key-missing": Case(
        facts(change=changed("Secret", "fernet", _no_key)),
        facts(),
        "no key fernet-key; its keys: fernet",
        "fernet-key=$(openssl rand -base64 32",
    ),
    "pull-secret-missing": Case(
        facts(without=is_a("Secret", "mirror")),
        facts(),
        "without it",
        "create secret docker-registry mirror",
    ),
    "loki-secret-missing": Case(
        facts(without=is_a("Secret", "loki")),
        facts(),
        "credentials",
        "patch secret loki",
    ),
    "config-map-missing": Case(
        facts(without=is_a("ConfigMap", "settings")),
        facts(),
        "does not exist",
        "create configmap settings",
    ),
    # Volumes and nodes
    "claim-pending": Case(
        _claim("Pending"),
        _claim("Bound"),
        "StorageClass slow does not exist; there are: fast",
        "storageClass: fast",
    ),
    "claim-lost": Case(_claim("Lost"), _claim("Bound"), "does not exist", "delete pvc"),
    "node-not-ready": Case(
        _node("Ready", "Unknown", "Kubelet stopped posting node status."),
        _node("Ready", "True"),
        "Kubelet stopped",
        "describe node node-2",
    ),
    "node-pressure": Case(
        _node("DiskPressure", "True"),
        _node("DiskPressure", "False"),
        "disk space",
        "cordon node-2",
    ),
    # Pods that are not created
    "pods-refused-by-pod-security": Case(
        _replica_set('pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged'),
        _replica_set(None),
        "violates PodSecurity",
        "label --overwrite namespace team pod-security.kubernetes.io/enforce=baseline",
    ),
    "pods-refused-by-quota": Case(
        _replica_set('pods "x" is forbidden: exceeded quota: team-quota, requested: pods=1'),
        _replica_set('pods "x" is forbidden: exceeded quota: team-quota', replicas=1),
        "exceeded quota",
        "describe resourcequota team-quota",
    ),
    "service-account-missing": Case(
        _replica_set('pods "x" is forbidden: serviceaccount "runner" not found'),
        _replica_set(None),
        "runner",
        "create serviceaccount runner",
    ),
    "pods-refused": Case(
        _replica_set('admission webhook "policy" denied the request: no owner'),
        _replica_set('pods "x" is forbidden: violates PodSecurity "restricted:latest"'),
        "no owner",
        "describe deployment/airflow-scheduler",
    ),
    # The database
    "database-not-ready": Case(
        _database(readyInstances=1, phase="Waiting for the instances to become active"),
        _database(readyInstances=2),
        "1 of 2 instances are ready",
        "describe cluster.postgresql.cnpg.io db",
    ),
    "database-backup-failing": Case(
        _database(conditions=[condition("ContinuousArchiving", "False", "no bucket")]),
        _database(conditions=[condition("ContinuousArchiving", "True")]),
        "no bucket",
        "logs -l cnpg.io/cluster=db",
    ),
    # Jobs
    "job-failed": Case(
        _job("create-user-job", _FAILED),
        _job("create-user-job", {"startTime": ago(hours=1), "active": 1}),
        "BackoffLimitExceeded",
        "delete job airflow-create-user-job-1",
    ),
    "migration-failed": Case(
        _job("run-airflow-migrations", _FAILED),
        _job("create-user-job", _FAILED),
        "BackoffLimitExceeded",
        "logs job/airflow-run-airflow-migrations-1",
    ),
    "migration-hangs": Case(
        _job("run-airflow-migrations", {"startTime": ago(minutes=30), "active": 1}),
        _job("run-airflow-migrations", {"startTime": ago(minutes=2), "active": 1}),
        "It runs since",
        "logs job/airflow-run-airflow-migrations-1",
    ),
    "waits-for-migration": Case(
        facts(_waits_for_migration(20)),
        facts(_waits_for_migration(2)),
        "though the migration is done",
        "logs airflow-scheduler-abc-3 -c wait-for-airflow-migrations",
    ),
    # Pods
    "pod-unschedulable": Case(
        _unscheduled("0/3 nodes are available: 3 Insufficient memory."),
        _scheduler(conditions=[condition("PodScheduled", "True")]),
        "3 Insufficient memory",
        "scheduler:\n    resources",
    ),
    "image-not-pulled": Case(
        _waiting("ImagePullBackOff", "manifest unknown"),
        _waiting("ContainerCreating"),
        "apache/airflow:3.1.7 of the container scheduler",
        "defaultAirflowTag",
    ),
    "container-not-created": Case(
        _waiting("CreateContainerConfigError", 'secret "x" not found'),
        _waiting("PodInitializing"),
        'secret "x" not found',
        "describe pod airflow-scheduler-abc-2",
    ),
    "container-crashes": Case(
        _scheduler(
            containerStatuses=[
                {
                    **waits("scheduler", "CrashLoopBackOff"),
                    "restartCount": 7,
                    "lastState": ended(3, "no database"),
                }
            ]
        ),
        _ended(ended(3, minutes=10), restarts=1),
        "restarted 7 times; it ended with exit code 3 (Error) and the message: no database",
        "logs airflow-scheduler-abc-2 -c scheduler --previous",
    ),
    "out-of-memory": Case(
        _ended(ended(137, reason="OOMKilled"), restarts=1),
        _ended(ended(137, reason="OOMKilled", minutes=600), restarts=1),
        "OOMKilled",
        "memory: 4Gi",
    ),
    "container-restarts": Case(
        _ended(ended(137), restarts=9),
        _ended(ended(137, minutes=600), restarts=9),
        "restarted 9 times",
        "describe pod airflow-scheduler-abc-2",
    ),
    "container-not-ready": Case(
        _scheduler(
            containerStatuses=[container("scheduler", {"running": {"startedAt": ago(minutes=9)}})]
        ),
        _scheduler(
            containerStatuses=[container("scheduler", {"running": {"startedAt": ago(minutes=1)}})]
        ),
        "is not ready",
        "logs airflow-scheduler-abc-2 -c scheduler",
    ),
    "pod-evicted": Case(
        _scheduler(phase="Failed", reason="Evicted", message="low on memory", containerStatuses=[]),
        _scheduler(phase="Failed", containerStatuses=[]),
        "low on memory",
        "delete pod airflow-scheduler-abc-2",
    ),
    # Services and Ingresses
    "service-without-endpoints": Case(
        facts(change=changed("EndpointSlice", "airflow-statsd-exporter-x", _not_ready)),
        facts(change=changed("EndpointSlice", "airflow-statsd-exporter-x", _unnamed_ready)),
        "No pod",
        "get pods -l",
    ),
    "ingress-without-address": Case(
        facts(change=changed("Ingress", "airflow", _no_address)),
        facts(),
        "its class is nginx",
        "get ingressclass",
    ),
    "ingress-certificate-missing": Case(
        facts(without=is_a("Secret", "certificate")),
        facts(),
        "airflow.example.com",
        "create secret tls certificate",
    ),
    # Sidecars
    "log-lines-missing": Case(
        facts(ended_sidecar(1, f"{_report(1200)}\n1200 of 2309 bytes missing: dag_id=sales/x.log")),
        facts(ended_sidecar(0)),
        "1200 of 2309 bytes are missing, of 1 pod (sales.load)",
        "timeoutSeconds: 60",
    ),
    "log-lines-refused": Case(
        facts(ended_sidecar(1, _report(refused=4))),
        facts(ended_sidecar(1, _report(missing=3, refused=4))),
        "refused 4 lines",
        "logs load-1 -c vector",
    ),
    "no-log-file": Case(
        facts(ended_sidecar(1, f"{_report(files=0)}\nthe task has left no log file below /opt")),
        facts(ended_sidecar(1, _report(files=0))),
        "no file",
        "captureOutput:\n      enabled: true",
    ),
    "logs-unproved": Case(
        facts(ended_sidecar(1, _report(problems=", not all directories can be read"))),
        facts(ended_sidecar(0, _report())),
        "not all directories",
        "logs load-1 -c vector",
    ),
    "sidecar-without-config": Case(
        facts(
            ended_sidecar(1, "ConfigMap airflow-task-logs is missing: task logs are not shipped")
        ),
        facts(ended_sidecar(1, "vector: bad option")),
        "airflow-task-logs is missing",
        "helm -n team rollback airflow 3",
    ),
    "sidecar-killed": Case(
        facts(ended_sidecar(137, reason="OOMKilled")),
        facts(ended_sidecar(137, _report(missing=5))),
        "OOMKilled",
        "memory: 256Mi",
    ),
    "task-pod-without-sidecar": Case(
        facts(_without_sidecar()),
        facts(_without_sidecar(**{"task-logs/inject": "false"})),
        "pod_template_file",
        "injection:\n    enabled: true",
    ),
    "sidecar-not-injected": Case(
        _with_policy(_without_sidecar()),
        _with_policy(task("load-6")),
        "airflow-task-logs",
        "get pod load-4 -o yaml",
    ),
    "sidecar-not-native": Case(
        facts(_ordinary()),
        facts(task("load-6")),
        "no restartPolicy",
        "taskLogs:\n    enabled: false",
    ),
    # Pods of tasks
    "task-pod-terminating": Case(
        _deleted(600), _deleted(10), "Being deleted", "delete pod load-3 --force"
    ),
    "task-pod-held": Case(
        facts(_fingers(base=ended(0), proxy={"running": {}})),
        facts(_fingers(base=ended(0, minutes=0.5), vector={"running": {}})),
        "these run on: proxy",
        "delete pod load-2",
    ),
    "task-pods-piled-up": Case(_pile(20), _pile(19), "20 pods", "cleanup:\n    enabled: true"),
    # Loki
    "loki-unreachable": Case(
        facts(loki=loki(error=PlatformError("http://service:80 cannot be reached: refused"))),
        facts(loki=loki(error=AnswerError("it answers 500: x", 500))),
        "cannot be reached",
        "endpoint: http://<service>",
    ),
    "loki-not-ready": Case(
        facts(
            loki=loki(error=ApiError("kubectl get", "Error from server (ServiceUnavailable): -"))
        ),
        facts(loki=loki(error=AnswerError("it answers 404: x", 404))),
        "reaches no pod of it",
        "get services,endpointslices,pods",
    ),
    "loki-refuses": Case(
        facts(loki=loki(error=AnswerError("it answers 401 Unauthorized: no org id", 401))),
        facts(loki=loki(error=AnswerError("it answers 404: x", 404))),
        "no org id",
        "create secret generic loki",
    ),
    "loki-limits": Case(
        facts(loki=loki(error=AnswerError("it answers 429: ingestion rate limit", 429))),
        facts(),
        "ingestion rate limit",
        "ingestion_rate_mb: 16",
    ),
    "loki-without-lines": Case(
        facts(_RAN, loki=loki(lines=[])),
        facts(loki=loki(lines=[])),
        '{job="airflow-task-logs", namespace="team"} has no line',
        "airflow-platform verify-logs",
    ),
    # Prometheus
    "no-prometheus": Case(
        facts(without=is_a("Prometheus"), objects={"Prometheus": []}),
        facts(),
        "no Prometheus",
        "helm upgrade --install kube-prometheus-stack kube-prometheus-stack -n monitoring",
    ),
    "monitor-not-selected": Case(
        _server(**{**_ALL, "serviceMonitorSelector": {"matchLabels": {"release": "stack"}}}),
        _server(**_ALL),
        "wants other labels",
        "label --overwrite servicemonitor airflow-statsd-exporter release=stack",
    ),
    "rule-not-selected": Case(
        _server(**{**_ALL, "ruleNamespaceSelector": {"matchLabels": {"rules": "yes"}}}),
        _server(**_ALL),
        "leaves team out",
        "label --overwrite namespace team rules=yes",
    ),
    "prometheus-unreachable": Case(
        facts(prometheus=type(prometheus())({"/api/v1/query": PlatformError("no route")})),
        facts(),
        "no route",
        "--prometheus <url>",
    ),
    "target-missing": Case(
        facts(prometheus=prometheus(up=None)), facts(), "has no result", "get servicemonitors"
    ),
    "target-down": Case(
        facts(prometheus=prometheus(up="0")),
        facts(prometheus=prometheus(up="1")),
        "is 0",
        "get networkpolicies",
    ),
    "no-metrics": Case(
        facts(prometheus=prometheus(series=False)),
        facts(),
        "airflow_",
        "rollout restart deployment/airflow-scheduler",
    ),
    "rules-not-loaded": Case(
        facts(prometheus=prometheus(rules=["Other"])),
        facts(prometheus=prometheus(rules=["Other", "DagRunFailed"])),
        "lacks 1: DagRunFailed",
        "describe prometheusrules",
    ),
    "alert-firing": Case(_alert("firing"), _alert("pending"), "fires", "runbook"),
    # Clocks
    "clock-here": Case(
        facts(clock=_moment(minutes=5)), facts(clock=_moment(seconds=5)), "300 s ahead", "set-ntp"
    ),
    "clock-of-node": Case(
        _lease(minutes=-2), _lease(seconds=40), "120 s ahead of", "cordon node-1"
    ),
    "clock-of-loki": Case(
        _loki_ahead(minutes=-3), _loki_ahead(seconds=3), "180 s behind", "chrony"
    ),
    # Versions
    "kubernetes-too-old": Case(
        facts(version="1.29.14"), facts(version="1.30.0"), "1.30 or newer", "enabled: false"
    ),
    "chart-version-differs": Case(
        facts(checkout="0.2.0"), facts(), "this checkout is 0.2.0", "git checkout v0.1.0"
    ),
    "airflow-version-differs": Case(
        _image("2.11.0", **_of_version("3.1.7", "2.11.0")),
        _image("3.1.8", **_of_version("3.1.7", "3.1.7")),
        "image has Airflow 2.11, airflow.airflowVersion is 3.1.7",
        "airflowVersion: 2.11.0",
    ),
    "metrics-version-differs": Case(
        _image("2.11.0", **_of_version("2.11.0", "3.1.7")),
        _image("2.11.1-python3.12", **_of_version("2.11.0", "2.11.0")),
        "global.metrics.airflowVersion is 3.1.7",
        "airflowVersion: 2.11.0",
    ),
    "airflow-versions-mixed": Case(
        _two_versions("2.11.0"),
        _two_versions("3.1.9"),
        "2.11: airflow-triggerer-abc-1; 3.1: airflow-scheduler-abc-1",
        "delete pod airflow-triggerer-abc-1",
    ),
}
