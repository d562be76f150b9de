"""What the policy that adds the sidecar costs the Kubernetes API, on a control plane of its own."""

import http.client
import json
import ssl
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.control_plane import kubernetes_version, local_control_plane
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw

_NAMESPACE = "bench-injection"
_ELSEWHERE = "bench-elsewhere"
_LABELS = {"dag_id": "d", "task_id": "t", "kubernetes_executor": "True"}
_POLICY_SECONDS = 30.0

Object = dict[str, Any]


@dataclass(frozen=True)
class Latency:
    """How long the creation of a pod takes, in milliseconds."""

    pods: str
    creations: int
    mean: float
    median: float
    p95: float


def measure(creations: int) -> list[Latency]:
    """Create that many pods of each kind in turn, with no program that looks at them.

    PlatformError when the control plane does not start, or the policy has no effect.
    """
    with tempfile.TemporaryDirectory() as directory, local_control_plane(Path(directory)) as local:
        return measured(local, creations)


def measured(cluster: Cluster, creations: int) -> list[Latency]:
    """Do so on a cluster that nobody else uses."""
    for namespace in (_NAMESPACE, _ELSEWHERE):
        cluster.kubectl("create", "namespace", namespace)
    rendered = render(
        chart="add-on",
        values=[{"injection": {"enabled": True}, "podTemplate": {"enabled": True}}],
        namespace=_NAMESPACE,
        kube_version=kubernetes_version(),
    )
    with_sidecar, bare = _task_pods(rendered)
    kinds: Mapping[str, tuple[str, Object, Mapping[str, str]]] = {
        "without a policy": (_ELSEWHERE, bare, _LABELS),
        "left alone by its label": (_NAMESPACE, bare, {**_LABELS, "task-logs/inject": "false"}),
        "sidecar by the policy": (_NAMESPACE, bare, _LABELS),
        "sidecar by a pod template": (_NAMESPACE, with_sidecar, _LABELS),
        "sidecar by a pod template, without a policy": (_ELSEWHERE, with_sidecar, _LABELS),
    }
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    assert cluster.kubeconfig
    with closing(_Api(cluster.kubeconfig)) as api:
        for namespace in (_NAMESPACE, _ELSEWHERE):
            api.wait_for_service_account(namespace)
        cluster.apply(
            thaw(each.document) for each in rendered.manifests if "/task-logs/" in each.template
        )
        _wait_for_policy(api, bare)
        for _ in range(creations):
            for name, (namespace, spec, labels) in kinds.items():
                begun = time.perf_counter()
                api.create(namespace, spec, labels)
                taken[name].append((time.perf_counter() - begun) * 1000)
    return [
        Latency(
            name,
            creations,
            statistics.fmean(times),
            statistics.median(times),
            sorted(times)[int(len(times) * 0.95)],
        )
        for name, times in taken.items()
    ]


def _task_pods(rendered: Render) -> tuple[Object, Object]:
    """Return the specs of the add-on's pod template, with the sidecar and without it."""
    (template,) = (each for each in rendered.embedded("Pod") if each.owner.kind == "ConfigMap")
    # Nobody else has work with these pods, then.
    with_sidecar = {**thaw(template.document["spec"]), "schedulerName": "nobody"}
    bare = json.loads(json.dumps(with_sidecar))
    bare["initContainers"] = []
    bare["volumes"] = [v for v in bare["volumes"] if not v["name"].startswith("task-logs-")]
    for container in bare["containers"]:
        mounts = container["volumeMounts"]
        container["volumeMounts"] = [m for m in mounts if not m["name"].startswith("task-logs-")]
    return with_sidecar, bare


def _wait_for_policy(api: "_Api", bare: Object) -> None:
    deadline = time.monotonic() + _POLICY_SECONDS
    while not api.create(_NAMESPACE, bare, _LABELS)["spec"].get("initContainers"):
        if time.monotonic() > deadline:
            raise PlatformError(f"The policy had no effect within {_POLICY_SECONDS:.0f} s.")
        time.sleep(0.1)


class _Api:
    """A connection to the API server that stays open, as that of Airflow does."""

    def __init__(self, kubeconfig: Path) -> None:
        config = strict_yaml.load_file(kubeconfig)
        (cluster,), (user,) = config["clusters"], config["users"]
        address = urlsplit(cluster["cluster"]["server"])
        trusted = ssl.create_default_context(cafile=cluster["cluster"]["certificate-authority"])
        self._connection = http.client.HTTPSConnection(
            str(address.hostname), address.port, context=trusted, timeout=60
        )
        self._headers = {
            "Authorization": f"Bearer {user['user']['token']}",
            "Content-Type": "application/json",
        }

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def wait_for_service_account(self, namespace: str) -> None:
        """No pod is admitted before its namespace has a ServiceAccount."""
        deadline = time.monotonic() + _POLICY_SECONDS
        while "metadata" not in self._asked("GET", f"{namespace}/serviceaccounts/default"):
            if time.monotonic() > deadline:
                raise PlatformError(f"The namespace {namespace} has no ServiceAccount.")
            time.sleep(0.1)

    def create(self, namespace: str, spec: Object, labels: Mapping[str, str]) -> Object:
        """Create a pod; PlatformError when it is refused."""
        metadata = {"generateName": "task-", "labels": labels}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        answer = self._asked("POST", f"{namespace}/pods", pod)
        if answer["kind"] != "Pod":
            raise PlatformError(f"The API server refuses a pod: {answer['message']}")
        return answer

    def _asked(self, method: str, path: str, body: Object | None = None) -> Object:
        given = json.dumps(body) if body else None
        self._connection.request(method, f"/api/v1/namespaces/{path}", given, self._headers)
        found: Object = json.loads(self._connection.getresponse().read())
        return {} if method == "GET" and found["kind"] == "Status" else found
