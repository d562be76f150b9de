"""An API server that knows some objects: enough for a dry run of Helm with `lookup`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

# Kinds that the charts render, by their API; Helm 4 asks for each whether the cluster has it.
KINDS: Mapping[str, str] = {
    "v1": "ConfigMap PersistentVolumeClaim Secret Service ServiceAccount",
    "apps/v1": "DaemonSet Deployment StatefulSet",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "barmancloud.cnpg.io/v1": "ObjectStore",
    "batch/v1": "CronJob Job",
    "monitoring.coreos.com/v1": "PodMonitor PrometheusRule ServiceMonitor",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "postgresql.cnpg.io/v1": "Cluster Pooler ScheduledBackup",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
}
PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}


def _groups() -> Iterator[Mapping[str, Any]]:
    for version in KINDS:
        if "/" in version:
            named = {"groupVersion": version, "version": version.partition("/")[2]}
            group = version.partition("/")[0]
            yield {"name": group, "versions": [named], "preferredVersion": named}


def _resources(version: str) -> Mapping[str, Any]:
    resources = [
        {
            "name": PLURALS.get(kind, f"{kind.lower()}s"),
            "kind": kind,
            "namespaced": not kind.startswith("ClusterRole"),
            "verbs": ["get"],
        }
        for kind in KINDS[version].split()
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(_groups())},
    "/openapi/v3": {"paths": {}},
    "/openapi/v2": {},
    **{f"/{'apis' if '/' in each else 'api'}/{each}": _resources(each) for each in KINDS},
}
# The schemas of all kinds come as protobuf, in which a message without fields has no bytes. Helm
# checks no object of a kind without a schema.
PROTOBUF = "application/octet-stream"


class KubernetesApi:
    """Answers for objects of some kinds by their name; ``asked`` are the paths of all requests."""

    def __init__(self, secrets: Mapping[str, Mapping[str, Any]], kubeconfig: Path) -> None:
        self.secrets = secrets
        self.claims: Mapping[str, Mapping[str, Any]] = {}
        self.stateful_sets: Mapping[str, Mapping[str, Any]] = {}
        self.clusters: Mapping[str, Mapping[str, Any]] = {}  # of CloudNativePG
        self.kubeconfig = kubeconfig
        self.asked: list[str] = []

    def answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """Return the status and the document for ``path``."""
        self.asked.append(path)
        if path in ANSWERS:
            return 200, ANSWERS[path]
        *_, resource, name = path.split("/")
        kinds = {"secrets": ("Secret", self.secrets)}
        kinds |= {"persistentvolumeclaims": ("PersistentVolumeClaim", self.claims)}
        kinds |= {"statefulsets": ("StatefulSet", self.stateful_sets)}
        kinds |= {"clusters": ("Cluster", self.clusters)}
        kind, there = kinds.get(resource, ("", {}))
        if name in there:
            version = path.removeprefix("/apis/").removeprefix("/api/").partition("/namespaces/")[0]
            found = {"apiVersion": version, "kind": kind, **there[name]}
            return 200, {**found, "metadata": {"name": name, **found.get("metadata", {})}}
        return 404, {"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}


@contextmanager
def kubernetes_api(
    secrets: Mapping[str, Mapping[str, Any]], directory: Path
) -> Iterator[KubernetesApi]:
    """Run an API server on loopback that has ``secrets``, with a kubeconfig in ``directory``."""
    kubeconfig = directory / "kubeconfig"
    api = KubernetesApi(secrets, kubeconfig)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = api.answer(self.path.partition("?")[0])
            body = json.dumps(document).encode() if document else b""
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if document else PROTOBUF)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        kubeconfig.write_text(yaml.safe_dump(_kubeconfig(server.server_port)), encoding="utf-8")
        try:
            yield api
        finally:
            server.shutdown()


def _kubeconfig(port: int) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "double", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "double", "context": {"cluster": "double", "user": "nobody"}}],
        "current-context": "double",
    }
