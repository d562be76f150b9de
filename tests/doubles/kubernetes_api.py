"""An API server that knows some Secrets: enough for `lookup` in a dry run of Helm."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

SECRETS = {"name": "secrets", "kind": "Secret", "namespaced": True, "verbs": ["get"]}
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [SECRETS]},
}


class KubernetesApi:
    """Answers for Secrets by their name; ``asked`` are the paths of all requests."""

    def __init__(self, secrets: Mapping[str, Mapping[str, Any]], kubeconfig: Path) -> None:
        self.secrets = secrets
        self.kubeconfig = kubeconfig
        self.asked: list[str] = []

    def answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """Return the status and the document for ``path``."""
        self.asked.append(path)
        if path in ANSWERS:
            return 200, ANSWERS[path]
        _, _, name = path.partition("/secrets/")
        if name in self.secrets:
            secret = {"apiVersion": "v1", "kind": "Secret", **self.secrets[name]}
            return 200, {**secret, "metadata": {"name": name, **secret.get("metadata", {})}}
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
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
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
