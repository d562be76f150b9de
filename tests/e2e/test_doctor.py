"""doctor on a real API: it finds what is planted into a release, and its mends mend it.

kwok's pods say of themselves what a test writes into their status.
"""

import base64
import copy
import gzip
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform import cli
from airflow_platform.cluster.cluster import ApiError, Cluster
from airflow_platform.cluster.release_record import release_records
from airflow_platform.cluster.service_proxy import ServiceProxy
from airflow_platform.doctor.examinations import task_pods
from airflow_platform.doctor.examining import examine
from airflow_platform.doctor.facts import Facts, Loki
from airflow_platform.doctor.gathering import Question, gather, read_loki
from airflow_platform.doctor.model import Finding
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT
from airflow_platform.support.tools import tool

from .direct import direct
from .released import ONE_REPLICA, READY, Released, install

pytestmark = [pytest.mark.xdist_group("doctor"), pytest.mark.official_chart]

RIGHTS = ROOT / "examples" / "doctor" / "rights.yaml"

_CRD = "prometheuses.monitoring.coreos.com"
_NODE = "doctor"
_MENDED_SECONDS = 20.0
_EXTERNAL = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "metadata": {"name": "credentials"},
    "spec": {
        "secretStoreRef": {"name": "vault"},
        "data": [{"secretKey": "a", "remoteRef": {"key": "a"}}],
    },
}
_VALUES: Mapping[str, Any] = {
    "airflow": {
        "ingress": {
            "apiServer": {
                "enabled": True,
                "ingressClassName": "nginx",
                "hosts": [
                    {
                        "name": "doctor.example.com",
                        "tls": {"enabled": True, "secretName": "certificate"},
                    }
                ],
            }
        }
    },
    "observability": {"extraObjects": [_EXTERNAL]},
}


def test_a_release_that_is_sound_is_so(released: Released) -> None:
    """But for what a cluster without Loki, Prometheus and Ingress controller lacks."""
    assert _ids(released) == {
        "ingress-without-address",
        "ingress-certificate-missing",
        "loki-unreachable",
    }


@pytest.fixture(scope="module")
def released(cluster: Cluster, make_namespace: Callable[[str], str]) -> Released:
    return install(cluster, make_namespace("doctor"), "prod", ONE_REPLICA, _VALUES, options=READY)


def _look(released: Released) -> list[Finding]:
    outcomes = examine(gather(Question(released.cluster, released.namespace)))
    return [finding for outcome in outcomes for finding in outcome.findings]


def _ids(released: Released) -> set[str]:
    return {finding.fault.id for finding in _look(released)}


# --- What is planted


@dataclass(frozen=True)
class Planted:
    """What doctor has found of all that was planted, and after its mends."""

    found: Mapping[str, list[Finding]]
    mended: Mapping[str, list[Finding]]


# The object of each fault, and whether the commands of its mend are run as they are, and mend it.
FAULTS: Mapping[str, tuple[str, bool]] = {
    # First, because the script that makes a Secret ends with 1 while another one lacks a key.
    "secret-key-missing": ("Secret airflow-api", True),
    "secret-missing": ("Secret airflow-fernet", True),
    "object-missing": ("ConfigMap airflow-task-logs", True),
    "object-changed": ("ConfigMap airflow-statsd-mapping", True),
    "scaled-to-zero": ("Deployment airflow-statsd-exporter", True),
    "service-without-endpoints": ("Service airflow-statsd-exporter", False),
    "pod-unschedulable": ("Pod unschedulable", False),
    "image-not-pulled": ("Pod no-image", False),
    "container-crashes": ("Pod crashing", False),
    "out-of-memory": ("Pod out-of-memory", False),
    "container-not-created": ("Pod not-created", False),
    "pods-refused-by-pod-security": ("Deployment privileged", False),
    "pods-refused-by-quota": ("Deployment over-quota", False),
    "service-account-missing": ("Deployment without-account", True),
    "claim-pending": ("PersistentVolumeClaim data-airflow-postgresql-9", True),
    "migration-failed": ("Job failing", True),
    "log-lines-missing": ("Task pods", False),
    "task-pod-without-sidecar": ("Task pods", False),
    "task-pod-terminating": ("Task pods", True),
    "external-secret-not-synced": ("ExternalSecret credentials", False),
    "ingress-without-address": ("Ingress airflow-ingress", False),
    "ingress-certificate-missing": ("Ingress airflow-ingress", False),
    "monitor-not-selected": ("ServiceMonitor airflow-statsd-exporter", True),
    "rule-not-selected": ("PrometheusRule airflow-alerts", True),
    "node-pressure": (f"Node {_NODE}", False),
}
_GIVEN = "-f values.yaml --release"
# Commands that only show something, need a kubelet, or leave something to the reader.
_LEFT_OUT = (" logs ", " describe ", " get ", " upgrade ", "<", " edit ", " cordon ")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(planted: Planted, fault: str) -> None:
    subject, _ = FAULTS[fault]
    assert subject in {finding.subject for finding in planted.found.get(fault, ())}


@pytest.mark.parametrize("fault", [fault for fault, (_, mends) in FAULTS.items() if mends])
def test_the_commands_mend_it(planted: Planted, fault: str) -> None:
    subject, _ = FAULTS[fault]
    assert subject not in {finding.subject for finding in planted.mended.get(fault, ())}


def test_termination_messages_are_read(planted: Planted) -> None:
    (finding,) = planted.found["log-lines-missing"]
    assert finding.wrong.startswith("1200 of 2309 bytes are missing, of 1 pod (sales.load).")


def test_a_missing_image_is_named_with_the_key_that_sets_it(planted: Planted) -> None:
    (finding,) = planted.found["image-not-pulled"]
    assert "registry.example.com/airflow:missing" in finding.wrong
    assert strict_yaml.load(finding.mend.values, "the mend")["airflow"].keys() == {
        "defaultAirflowTag"
    }


@pytest.fixture(scope="module")
def planted(released: Released) -> Iterator[Planted]:
    with pytest.MonkeyPatch.context() as patch, _prometheus(released), _node(released.cluster):
        patch.setattr(task_pods, "_PATIENCE", timedelta(0))
        _plant(released)
        give_up = time.monotonic() + _MENDED_SECONDS
        while True:
            found = _by_id(_look(released))
            if FAULTS.keys() <= found.keys() or time.monotonic() > give_up:
                break
            time.sleep(0.5)
        _run(
            released,
            *(
                finding
                for fault, (subject, mends) in FAULTS.items()
                for finding in found.get(fault, ())
                if mends and finding.subject == subject
            ),
        )
        wanted = {fault for fault, (_, mends) in FAULTS.items() if mends}
        while True:
            mended = _by_id(_look(released))
            left = {
                fault
                for fault in wanted & mended.keys()
                if FAULTS[fault][0] in {each.subject for each in mended[fault]}
            }
            if not left or time.monotonic() > give_up + _MENDED_SECONDS:
                break
            time.sleep(0.5)
        yield Planted(found, mended)


def _by_id(findings: list[Finding]) -> dict[str, list[Finding]]:
    by_id: dict[str, list[Finding]] = {}
    for finding in findings:
        by_id.setdefault(finding.fault.id, []).append(finding)
    return by_id


def _run(released: Released, *findings: Finding) -> None:
    """Run the commands of mends in a shell, as a person would, but for those of _LEFT_OUT.

    For <your values> those of the release are written, and its context is the current one.

    What several of them say is run once, after what all of them say before it.
    """
    commands = [command for finding in findings for command in finding.mend.commands]
    with _programs() as path:
        (path / "values.yaml").write_text(yaml.safe_dump(ONE_REPLICA), encoding="utf-8")
        environment = {
            **os.environ,
            "PATH": f"{path}:{os.environ['PATH']}",
            "KUBECONFIG": str(released.cluster.kubeconfig),
        }
        commands = [each.replace("-f <your values> --release", _GIVEN) for each in commands]
        for number, command in enumerate(commands):
            if command in commands[number + 1 :]:
                continue
            if any(word in command.replace("<<", "") for word in _LEFT_OUT):
                continue
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}: {done.stderr}"


@contextmanager
def _programs() -> Iterator[Path]:
    """Give a directory with the names that people call the programs by."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        (path / "kubectl").symlink_to(tool("kubectl"))
        (path / "helm").symlink_to(tool("helm4"))
        ours = Path(sys.executable).with_name("airflow-platform")
        (path / "airflow-platform").symlink_to(ours)
        yield path


def _plant(released: Released) -> None:
    cluster, namespace = released.cluster, released.namespace
    at = f"--namespace={namespace}"
    cluster.kubectl("delete", "secret", "airflow-fernet", at)
    remove = '[{"op": "remove", "path": "/data/api-secret-key"}]'
    cluster.kubectl("patch", "secret", "airflow-api", "--type=json", f"--patch={remove}", at)
    cluster.kubectl("delete", "configmap", "airflow-task-logs", at)
    mapping = '{"data": {"mapping.yaml": "mappings: []"}}'
    cluster.kubectl("patch", "configmap", "airflow-statsd-mapping", f"--patch={mapping}", at)
    cluster.kubectl("scale", "deployment", "airflow-statsd-exporter", "--replicas=0", at)
    template = _task_template(released)
    direct(cluster).apply([_QUOTA], namespace)
    counted = "--for=jsonpath={.status.hard}"
    cluster.kubectl("wait", counted, "resourcequota/gpus", "--timeout=20s", at)
    direct(cluster).apply(
        [
            _pod("unschedulable", component="scheduler", nodeSelector={"disk": "none"}),
            _pod("no-image", component="api-server", image="registry.example.com/airflow:missing"),
            _pod("crashing", component="triggerer"),
            _pod("out-of-memory", component="dag-processor"),
            _pod("not-created", component="dag-processor"),
            _deployment("privileged", privileged=True),
            _deployment("over-quota", requests={"cpu": "1", "example.com/gpu": "1"}),
            _deployment("without-account", account="ghost"),
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data-airflow-postgresql-9", "labels": {"release": "airflow"}},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "slow",
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            },
            _failing_job(),
            _task("load-1", template),
            _task("load-2", template, with_sidecar=False),
            _task("load-3", template, finalizers=["example.com/wait"]),
        ],
        namespace,
    )
    cluster.kubectl("delete", "pod", "load-3", "--wait=false", "--grace-period=0", at)
    waiting = {"restartCount": 7, "lastState": {"terminated": _ended(3, "Error", "no database")}}
    crashes = {"waiting": {"reason": "CrashLoopBackOff"}}
    _say(released, "crashing", "containerStatuses", "main", state=crashes, **waiting)
    _say(
        released,
        "out-of-memory",
        "containerStatuses",
        "main",
        lastState={"terminated": _ended(137, "OOMKilled")},
    )
    reason = {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}
    _say(released, "not-created", "containerStatuses", "main", state={"waiting": reason})
    report = (
        "task logs: 1 files, 2309 bytes written, 1109 delivered, 1200 missing, 0 lines refused by"
        " Loki, 0 lines above 1048576 bytes skipped, 0 restarts of Vector, drained in 25000 ms\n"
        "1200 of 2309 bytes missing: dag_id=sales/run_id=r/task_id=load/attempt=1.log"
    )
    terminated = {"terminated": _ended(1, "Error", report)}
    _say(released, "load-1", "initContainerStatuses", "vector", state=terminated)
    condition = {"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "-"}
    _patch_status(released, "externalsecret", "credentials", {"conditions": [condition]})


def _ended(code: int, reason: str, message: str = "") -> dict[str, Any]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"exitCode": code, "reason": reason, "message": message, "finishedAt": now}


def _say(released: Released, pod: str, kind: str, container: str, **says: Any) -> None:
    """Let a container of a pod say something of itself, once kwok has made the pod run."""
    give_up = time.monotonic() + _MENDED_SECONDS
    while True:
        found = direct(released.cluster).get("pod", pod, released.namespace)
        statuses = copy.deepcopy((found or {}).get("status", {}).get(kind) or [])
        if statuses:
            break
        assert time.monotonic() < give_up, f"{pod} does not start"
        time.sleep(0.1)
    for status in statuses:
        if status["name"] == container:
            status.update({"ready": False, **says})
    _patch_status(released, "pod", pod, {kind: statuses})


def _patch_status(released: Released, kind: str, name: str, status: Mapping[str, Any]) -> None:
    patch = json.dumps({"status": status})
    released.cluster.kubectl(
        "patch",
        kind,
        name,
        "--subresource=status",
        "--type=merge",
        f"--patch={patch}",
        f"--namespace={released.namespace}",
    )


_CONTAINER: Mapping[str, Any] = {
    "name": "main",
    "image": "apache/airflow:3.1.7",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
_QUOTA: Mapping[str, Any] = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "gpus"},
    "spec": {"hard": {"requests.example.com/gpu": "0"}},
}
_SECURE = {
    "runAsNonRoot": True,
    "runAsUser": 50000,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def _spec(
    image: str = "",
    privileged: bool = False,
    requests: Mapping[str, str] | None = None,
    account: str = "default",
    **more: Any,
) -> dict[str, Any]:
    container = copy.deepcopy(dict(_CONTAINER))
    if image:
        container["image"] = image
    if privileged:
        container["securityContext"] = {"capabilities": {"add": ["NET_ADMIN"]}}
    if requests:
        container["resources"] = {"requests": requests, "limits": requests}
    return {
        "containers": [container],
        "securityContext": _SECURE,
        "serviceAccountName": account,
        **more,
    }


def _labels(component: str) -> dict[str, str]:
    return {"tier": "airflow", "component": component, "release": "airflow"}


def _pod(name: str, component: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": _labels(component)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _spec(**spec)}


def _deployment(name: str, **spec: Any) -> dict[str, Any]:
    labels = {**_labels("scheduler"), "app": name}
    template = {"metadata": {"labels": labels}, "spec": _spec(**spec)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def _failing_job() -> dict[str, Any]:
    labels = _labels("run-airflow-migrations")
    fails = {"kwok.airflow-platform/exit-code": "1"}
    pod = {"metadata": {"labels": labels, "annotations": fails}}
    pod["spec"] = _spec(restartPolicy="Never")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "failing", "labels": labels},
        "spec": {"backoffLimit": 0, "template": pod},
    }


def _task_template(released: Released) -> dict[str, Any]:
    config = direct(released.cluster).get("configmap", "airflow-config", released.namespace)
    assert config
    return dict(yaml.safe_load(config["data"]["pod_template_file.yaml"]))


def _task(
    name: str, template: Mapping[str, Any], *, with_sidecar: bool = True, **metadata: Any
) -> dict[str, Any]:
    """The pod of a task as the executor makes it of the pod template."""
    pod = copy.deepcopy(dict(template))
    names = {"dag_id": "sales", "task_id": "load"}
    labels = {**pod["metadata"]["labels"], **names, "kubernetes_executor": "True"}
    annotations = {**names, "kwok.airflow-platform/runs-for": "1h"}
    pod["metadata"] = {"name": name, "labels": labels, "annotations": annotations, **metadata}
    if not with_sidecar:
        pod["spec"]["initContainers"] = []
    return pod


@contextmanager
def _prometheus(released: Released) -> Iterator[None]:
    """A Prometheus of prometheus-operator that selects what nobody has."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": "Prometheus", "plural": "prometheuses", "singular": "prometheus"}
    wants = {"matchLabels": {"stack": "doctor"}}
    spec = {
        "serviceMonitorSelector": wants,
        "serviceMonitorNamespaceSelector": {},
        "ruleSelector": {},
        "ruleNamespaceSelector": wants,
    }
    cluster = released.cluster
    cluster.apply(
        [
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {
                    "name": _CRD,
                    "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
                },
                "spec": {
                    "group": "monitoring.coreos.com",
                    "scope": "Namespaced",
                    "names": names,
                    "versions": [version],
                },
            }
        ]
    )
    try:
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{_CRD}", "--timeout=20s")
        metadata = {"name": "k8s"}
        server = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "Prometheus",
            "metadata": metadata,
            "spec": spec,
        }
        cluster.apply([server], f"--namespace={released.namespace}")
        yield
    finally:
        cluster.kubectl("delete", "crd", _CRD)


@contextmanager
def _node(cluster: Cluster) -> Iterator[None]:
    """A node that is short of disk space, on which no pod may run, not even of a DaemonSet."""
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": _NODE},
        "spec": {"unschedulable": True, "taints": [{"key": _NODE, "effect": "NoSchedule"}]},
    }
    direct(cluster).apply([node])
    try:
        conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "DiskPressure")]
        patch = json.dumps({"status": {"conditions": conditions}})
        cluster.kubectl("patch", "node", _NODE, "--subresource=status", f"--patch={patch}")
        yield
    finally:
        cluster.kubectl("delete", "node", _NODE)


# --- Helm


@pytest.mark.usefixtures("planted")
def test_an_upgrade_that_was_interrupted_is_rolled_back(released: Released) -> None:
    """Helm refuses to upgrade then, and a rollback helps."""
    _interrupt(released)
    (finding,) = _by_id(_look(released))["release-stuck"]
    _run(released, finding)
    assert release_records(released.cluster, released.namespace)[-1].status == "deployed"


def _interrupt(released: Released) -> None:
    """Leave what a Helm leaves that is killed: a record of a revision that is pending."""
    at = f"--namespace={released.namespace}"
    where = (released.namespace, "owner=helm,status=deployed")
    records = direct(released.cluster).list("secrets", *where)
    record = records[-1]
    release = json.loads(
        gzip.decompress(base64.b64decode(base64.b64decode(record["data"]["release"])))
    )
    release["version"] += 1
    release["info"] |= {"status": "pending-upgrade", "last_deployed": "2026-01-02T03:04:05Z"}
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode())).decode()
    name = f"sh.helm.release.v1.airflow.v{release['version']}"
    labels = {**record["metadata"]["labels"], "status": "pending-upgrade"}
    labels["version"] = str(release["version"])
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": record["type"],
        "metadata": {"name": name, "labels": labels},
        "stringData": {"release": packed},
    }
    released.cluster.kubectl("create", "--filename=-", at, given=json.dumps(secret))


# --- Loki, by way of the API server


@dataclass
class LokiDouble:
    """A Loki with a line that answers with a status."""

    status: int = 200


@pytest.fixture(scope="module")
def loki(cluster: Cluster) -> Iterator[LokiDouble]:
    """The Service that the values of prod name, with a Loki on this machine behind it."""
    double = LokiDouble()
    body = json.dumps({"data": {"result": [{"values": [["0", "a line"]]}]}}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(double.status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    address = _address()
    server = ThreadingHTTPServer((address, 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        _serve_in_cluster(cluster, address, server.server_port)
        yield double
    finally:
        server.shutdown()
        server.server_close()
        named = ("pod,service", "loki-gateway", "--namespace=monitoring", "--wait=false")
        cluster.kubectl("delete", *named)


def _address() -> str:
    """Return an address of this machine that is no loopback: the API server takes none of those."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            address = str(probe.getsockname()[0])
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        pytest.skip("needs an address of this machine that is no loopback")
    return address


def _serve_in_cluster(cluster: Cluster, address: str, port: int) -> None:
    """Make Loki's Service, whose only pod seems to have the address of this machine."""
    namespace = "--namespace=monitoring"
    metadata = {"name": "loki-gateway", "labels": {"app": "loki"}}
    container = {"name": "loki", "image": "loki:1"}
    selected = {"selector": {"app": "loki"}, "ports": [{"port": 80, "targetPort": port}]}
    monitoring = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}}
    direct(cluster).apply([monitoring])
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", namespace, "--timeout=20s")
    direct(cluster).apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                "spec": {"containers": [container]},
            },
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": selected},
        ],
        "monitoring",
    )
    cluster.kubectl("wait", "--for=condition=Ready", "pod/loki-gateway", namespace)
    status = json.dumps({"status": {"podIP": address, "podIPs": [{"ip": address}]}})
    patch = ("--subresource=status", "--type=merge", f"--patch={status}")
    cluster.kubectl("patch", "pod", "loki-gateway", *patch, namespace)
    give_up = time.monotonic() + _MENDED_SECONDS
    while address not in str(direct(cluster).get("endpoints", "loki-gateway", "monitoring")):
        assert time.monotonic() < give_up, "the Service gets no endpoint"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (200, None),
        (401, "loki-refuses"),
        (403, "loki-refuses"),
        (404, "loki-unreachable"),
        (429, "loki-limits"),
        (500, "loki-not-ready"),
    ],
)
def test_loki_is_asked_by_way_of_the_api_server(
    seen: Facts, released: Released, loki: LokiDouble, status: int, fault: str | None
) -> None:
    loki.status = status
    question = Question(released.cluster, released.namespace)
    facts = replace(seen, loki=read_loki(question, seen.render, released.namespace))
    outcome = next(each for each in examine(facts) if each.examination.name == "loki")
    assert [each.fault.id for each in outcome.findings] == ([fault] if fault else [])
    assert outcome.result == ("faults" if fault else "sound")


def test_a_loki_without_pods_is_not_ready(
    seen: Facts, released: Released, loki: LokiDouble
) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "empty"}}
    ports = {"selector": {"app": "nobody"}, "ports": [{"port": 3100}]}
    direct(released.cluster).apply([{**service, "spec": ports}], "monitoring")
    give_up = time.monotonic() + _MENDED_SECONDS
    while not direct(released.cluster).get("endpoints", "empty", "monitoring"):
        assert time.monotonic() < give_up, "nobody looks for the pods of the Service"
        time.sleep(0.1)
    proxy = ServiceProxy(released.cluster, "http://empty.monitoring:3100", released.namespace)
    with pytest.raises(ApiError) as refused:
        proxy.get("/loki/api/v1/labels")
    facts = replace(seen, loki=Loki(proxy, refused.value))
    outcome = next(each for each in examine(facts) if each.examination.name == "loki")
    assert [each.fault.id for each in outcome.findings] == ["loki-not-ready"]


@pytest.fixture(scope="module")
def seen(released: Released) -> Facts:
    return gather(Question(released.cluster, released.namespace))


# --- Rights


@pytest.mark.usefixtures("loki")
def test_the_rights_of_the_example_are_enough(released: Released, tmp_path: Path) -> None:
    """With them doctor sees all; what is not seen is Prometheus, which does not exist."""
    documents = yaml.safe_load_all(
        RIGHTS.read_text(encoding="utf-8").replace("lakehouse-platform", released.namespace)
    )
    direct(released.cluster).apply(documents)
    account = _as_account(released, "airflow-doctor", tmp_path)
    outcomes = examine(gather(Question(account, released.namespace)))
    unseen = {each.examination.name: each.reason for each in outcomes if each.result == "not seen"}
    assert unseen.keys() <= {"prometheus"}, unseen


def test_without_rights_it_says_what_it_has_not_seen(
    released: Released, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = _as_account(released, "default", tmp_path)
    command = ["doctor", "--kubeconfig", str(nobody.kubeconfig), "-n", released.namespace]
    assert cli.main(command) == 3
    assert "examples/doctor" in capsys.readouterr().err
    assert cli.main([*command, "--release", "airflow", "--format", "json"]) == 3
    seen = json.loads(capsys.readouterr().out)
    assert not seen["healthy"]
    results = {each["name"]: each["result"] for each in seen["examinations"]}
    assert set(results.values()) - {"not seen"} == {"sound"}
    assert {name for name, result in results.items() if result == "sound"} == {"kubernetes-version"}


def _as_account(released: Released, account: str, directory: Path) -> Cluster:
    """Return the cluster with the rights of a ServiceAccount."""
    assert released.cluster.kubeconfig
    config = strict_yaml.load_file(released.cluster.kubeconfig)
    token = released.cluster.kubectl(
        "create", "token", account, f"--namespace={released.namespace}"
    )
    config["users"][0]["user"] = {"token": token.strip()}
    file = directory / f"{account}.kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return Cluster(file)


# --- The add-on next to a release of the official chart


def test_the_add_on_is_seen_together_with_the_official_chart(
    cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    namespace = make_namespace("doctor-beside")
    # Its Jobs are hooks, and the namespace refuses their pods.
    hooks = ("--no-hooks",)
    install(cluster, namespace, chart="official", name="flow", major=3, options=hooks)
    install(cluster, namespace, chart="add-on", name="observability", major=3)
    at = f"--namespace={namespace}"
    for name in ("flow-scheduler", "observability-statsd-exporter"):
        cluster.kubectl("delete", "deployment", name, at)
    facts = gather(Question(cluster, namespace))
    findings = {
        finding.subject: finding for outcome in examine(facts) for finding in outcome.findings
    }
    official = findings["Deployment flow-scheduler"].mend.commands
    assert official == (f"{facts.helm} rollback flow 1",)
    ours = findings["Deployment observability-statsd-exporter"].mend.commands
    assert ours == (f"{facts.helm} rollback observability 1",)


# --- The command


def test_the_command_prints_json_and_ends_with_1(
    released: Released, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--kubeconfig", str(released.cluster.kubeconfig), "-n", released.namespace]
    assert cli.main(["doctor", *options, "--format", "json"]) == 1
    seen = json.loads(capsys.readouterr().out)
    assert seen["release"]["name"] == "airflow"
    assert "ingress-without-address" in {each["id"] for each in seen["findings"]}


def test_without_a_release_the_command_says_where_there_is_one(
    released: Released, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--kubeconfig", str(released.cluster.kubeconfig), "-n", "default"]
    assert cli.main(["doctor", *options]) == 3
    assert f"airflow in {released.namespace} (-n {released.namespace})" in capsys.readouterr().err
