"""A double of Airflow: as much of the API of 2.11 and 3.1 as verify-logs uses."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

DAG_ID = "demo"
RUN_ID = "manual__2026-11-21T08:06:43+00:00"
USER = {"username": "ada", "password": "secret"}
_BASIC = "Basic " + base64.b64encode("{username}:{password}".format(**USER).encode()).decode()


@dataclass
class Airflow:
    """An Airflow with one run of one DAG."""

    major: int
    url: str = ""
    instances: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[tuple[str, int, int], list[str]] = field(default_factory=dict)  # lines of the file
    states: list[str] = field(default_factory=lambda: ["success"])  # one an answer; the last stays
    paused: bool = False
    triggered: int = 0
    on_end: Callable[[], None] = lambda: None

    def ran(self, task: str, *lines: str, map_index: int = -1, try_number: int = 1) -> None:
        """One try of a task has written these lines."""
        self.logs[task, map_index, try_number] = list(lines)
        for instance in self.instances:
            if (instance["task_id"], instance["map_index"]) == (task, map_index):
                instance["try_number"] = max(instance["try_number"], try_number)
                return
        instance = {"task_id": task, "map_index": map_index, "try_number": try_number}
        self.instances.append(instance | {"start_date": "2026-11-21T08:06:44Z"})

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any, authorization: str
    ) -> Any:
        """Returns what is sent as JSON, a str for text, an int for an error's status."""
        api = f"/api/v{self.major - 1}"
        if path == f"{api}/version":
            return {"version": f"{self.major}.1.0"}
        if self.major == 3 and path == "/auth/token":
            return {"access_token": "jwt"} if body == USER else 401
        if not path.startswith(f"{api}/dags/{DAG_ID}"):
            return 404
        if authorization != {2: _BASIC, 3: "Bearer jwt"}[self.major]:
            return 401
        parts = [unquote(part) for part in path.split("/")[5:]]
        match method, parts:
            case "GET", []:
                return {"is_paused": self.paused}
            case "POST", ["dagRuns"]:
                self.triggered += body == {2: {}, 3: {"logical_date": None}}[self.major]
                return {"dag_run_id": RUN_ID}
            case "GET", ["dagRuns"] if query["order_by"] == "-id":
                return {"dag_runs": [{"dag_run_id": RUN_ID}] if self.instances else []}
            case "GET", ["dagRuns", run_id, *rest] if run_id == RUN_ID:
                return self._of_the_run(rest, query)
        return 404

    def _of_the_run(self, parts: list[str], query: dict[str, str]) -> Any:
        match parts:
            case []:
                state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
                if state == "success":
                    self.on_end()
                start = datetime.now(UTC) - timedelta(days=2)
                return {"state": state, "start_date": start.isoformat()}
            case ["taskInstances"]:
                offset, limit = int(query["offset"]), int(query["limit"])
                page = self.instances[offset : offset + limit]
                return {"task_instances": page, "total_entries": len(self.instances)}
            case ["taskInstances", task, "logs", number] if query["full_content"] == "true":
                lines = self.logs.get((task, int(query["map_index"]), int(number)))
                return 404 if lines is None else self._log(lines)
        return 404

    def _log(self, lines: list[str]) -> Any:
        if self.major == 2:
            sources = [" INFO - ::group::Log message source details", "*** Found local files:"]
            sources += ["***   * /opt/airflow/logs/attempt=1.log", " INFO - ::endgroup::"]
            return "\n".join(["worker-1", *sources, *filter(None, lines)]) + "\n"
        events: list[dict[str, Any]] = [
            {"event": "::group::Log message source details", "sources": ["attempt=1.log"]},
            {"event": "::endgroup::"},
        ]
        for line in lines:
            event = json.loads(line) if line.startswith("{") else {"event": line}
            if event != events[-1]:
                events.append(event)
        return {"content": events, "continuation_token": None}


@contextmanager
def serving(airflow: Airflow) -> Iterator[Airflow]:
    """Gives an Airflow a URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            address = urlsplit(self.path)
            query = {name: value for name, [value] in parse_qs(address.query).items()}
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            credentials = self.headers.get("Authorization", "")
            said = airflow.answer(self.command, address.path, query, body, credentials)
            content = (said if isinstance(said, str) else json.dumps(said)).encode()
            acceptable = (self.headers["Accept"] == "text/plain") == isinstance(said, str)
            self.send_response(said if isinstance(said, int) else 200 if acceptable else 406)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = respond  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    airflow.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield airflow
    finally:
        server.shutdown()
        server.server_close()
