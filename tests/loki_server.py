"""A Loki with the lines that a test puts in: the one that is built into `bench`, or a real one."""

import json
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import yaml

from airflow_platform.support import processes
from airflow_platform.support.ports import free_ports

_READY_SECONDS = 60.0


@dataclass(frozen=True)
class LokiServer:
    """A Loki that can be queried at ``url``, by the name of the ``tenant`` if it has several."""

    url: str
    tenant: str = ""

    def another_tenant(self) -> "LokiServer":
        """Return the same Loki without any lines."""
        return LokiServer(self.url, uuid.uuid4().hex)

    def put(self, *lines: str, time_ns: int | None = None, apart: int = 1, **fields: object) -> int:
        """Store lines of a task, each ``apart`` nanoseconds after the one before.

        ``fields`` are the structured metadata; dag_id and task_id of them are labels. Return the
        time of the first line.
        """
        known = {"dag_id": "demo", "task_id": "load", "run_id": "r1", "try_number": 1, "pod": "p1"}
        metadata = {name: str(value) for name, value in {**known, **fields}.items()}
        labels = {"job": "airflow-task-logs", "namespace": "airflow"}
        labels |= {name: metadata.pop(name) for name in ("dag_id", "task_id")}
        first = time_ns or time.time_ns()
        self.push(labels, [(first + n * apart, line, metadata) for n, line in enumerate(lines)])
        return first

    def push(self, labels: dict[str, str], values: list[tuple[int, str, dict[str, str]]]) -> None:
        """Store lines, each with its time in nanoseconds and its structured metadata."""
        numbered = (
            [str(at), line, {"offset": str(n), **metadata}]
            for n, (at, line, metadata) in enumerate(values)
        )
        body = json.dumps({"streams": [{"stream": labels, "values": list(numbered)}]}).encode()
        headers = {"Content-Type": "application/json", "X-Scope-OrgID": self.tenant}
        request = urllib.request.Request(f"{self.url}/loki/api/v1/push", body, headers)
        urllib.request.urlopen(request).close()


@contextmanager
def real_loki(binary: Path, directory: Path) -> Iterator[LokiServer]:
    """Run a real Loki on loopback with its data in ``directory``."""
    port, grpc_port = free_ports(2)
    config = directory / "loki.yaml"
    config.write_text(yaml.safe_dump(_config(directory, port, grpc_port)), encoding="utf-8")
    log = directory / "loki.log"
    url = f"http://127.0.0.1:{port}"
    with (
        log.open("wb") as output,
        processes.started([binary, f"-config.file={config}"], output=output) as process,
    ):
        give_up = time.monotonic() + _READY_SECONDS
        while not _ready(url):
            said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            assert process.poll() is None, f"Loki has ended: {said}"
            assert time.monotonic() < give_up, f"Loki does not become ready: {said}"
            time.sleep(0.1)
        yield LokiServer(url)


def _config(directory: Path, port: int, grpc_port: int) -> dict[str, object]:
    """Return the configuration of a Loki in one process, which is ready at once."""
    return {
        "auth_enabled": True,  # so that each test can have a tenant of its own
        "server": {
            "http_listen_address": "127.0.0.1",
            "http_listen_port": port,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": grpc_port,
            "log_level": "warn",
        },
        "common": {
            "instance_addr": "127.0.0.1",
            "path_prefix": str(directory),
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {
                "filesystem": {
                    "chunks_directory": str(directory / "chunks"),
                    "rules_directory": str(directory / "rules"),
                }
            },
        },
        "ingester": {"lifecycler": {"min_ready_duration": "0s"}},
        "schema_config": {
            "configs": [
                {
                    "from": "2024-01-01",
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "analytics": {"reporting_enabled": False},
    }


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=5):
            return True
    except (URLError, OSError):
        return False
