"""A Loki with the lines that a test puts in: the one that is built into `bench`, or a real one."""

import json
import time
import urllib.request
import uuid
from dataclasses import dataclass


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
