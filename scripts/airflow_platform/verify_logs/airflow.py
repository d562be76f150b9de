"""Reads DAG runs and their logs from Airflow's REST API: v1 of Airflow 2, v2 of Airflow 3."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import dropwhile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import NAMESPACE, RELEASE
from airflow_platform.support.rest import NotFoundError, Server, basic_auth, bearer_auth
from airflow_platform.verify_logs.attempts import Attempt, Run
from airflow_platform.verify_logs.records import (
    Form,
    as_airflow_2_shows,
    as_airflow_3_shows,
    timed_event,
)

_PAGE_ITEMS = 100
_SOURCES = "::group::Log message source details"
_END_OF_SOURCES = "::endgroup::"

_UNREACHABLE = f"""If it is inside the cluster, run
  kubectl --namespace {NAMESPACE} port-forward service/{RELEASE}-api-server 8080:8080
in another terminal (Airflow 2: service/{RELEASE}-webserver), and use
  --airflow http://localhost:8080"""
_BASIC_AUTH = "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth"
_REFUSED = f"""Set AIRFLOW_USERNAME and AIRFLOW_PASSWORD, or AIRFLOW_TOKEN.
The API of Airflow 2 takes passwords only with

  airflow:
    config:
      api:
        auth_backends: airflow.api.auth.backend.session,{_BASIC_AUTH}"""


@dataclass(frozen=True)
class State:
    """The state of a DAG run; ``start`` is None before its first task has started."""

    name: str
    start: datetime | None

    @property
    def ended(self) -> bool:
        """Whether no task of the run will run any more."""
        return self.name in ("success", "failed")


class Airflow(ABC):
    """The API of one major version of Airflow."""

    api: str
    # The form of the lines that `log` returns.
    form: Form

    def __init__(self, server: Server) -> None:
        self._server = server

    def latest(self, dag_id: str) -> Run:
        """Return the newest run of a DAG; PlatformError when there is none."""
        found = self._server.get(f"{self._dag(dag_id)}/dagRuns", order_by="-id", limit=1)
        for run in found["dag_runs"]:
            return Run(dag_id, run["dag_run_id"])
        raise PlatformError(f"The DAG {dag_id} has never run. Use --trigger to run it.")

    def trigger(self, dag_id: str) -> Run:
        """Start a run of a DAG; PlatformError when it is paused."""
        if self._server.get(self._dag(dag_id))["is_paused"]:
            raise PlatformError(
                f"The DAG {dag_id} is paused, so a run would not start. Switch it on in Airflow's"
                f" UI or with: airflow dags unpause {dag_id}"
            )
        made = self._server.post(f"{self._dag(dag_id)}/dagRuns", self._trigger_body())
        return Run(dag_id, made["dag_run_id"])

    def state(self, run: Run) -> State:
        """Return the state of a run."""
        found = self._server.get(self._run(run))
        start = found["start_date"]
        return State(found["state"], datetime.fromisoformat(start) if start else None)

    def task_states(self, run: Run) -> dict[str, str | None]:
        """Return the states of the task instances of a run, by their tasks' ids."""
        return {each["task_id"]: each["state"] for each in self._task_instances(run)}

    def attempts(self, run: Run) -> list[Attempt]:
        """Return all attempts of all task instances that have run."""
        return [
            Attempt(run, instance["task_id"], instance["map_index"], number)
            for instance in self._task_instances(run)
            if instance["start_date"]
            for number in range(1, instance["try_number"] + 1)
        ]

    def log(self, attempt: Attempt) -> list[str] | None:
        """Return the log of an attempt in ``form``; None when Airflow has no log of it."""
        path = f"{self._run(attempt.run)}/taskInstances/{_quoted(attempt.task_id)}"
        query = {"map_index": attempt.map_index, "full_content": "true"}
        try:
            return self._log(f"{path}/logs/{attempt.try_number}", query) or None
        except NotFoundError:
            return None

    @abstractmethod
    def log_in(self, username: str, password: str) -> dict[str, str]:
        """Return the headers that authenticate a user."""

    @abstractmethod
    def _trigger_body(self) -> dict[str, Any]: ...

    @abstractmethod
    def _log(self, path: str, query: Mapping[str, object]) -> list[str]: ...

    def _task_instances(self, run: Run) -> Iterator[dict[str, Any]]:
        offset, total = 0, 1
        while offset < total:
            path = f"{self._run(run)}/taskInstances"
            page = self._server.get(path, limit=_PAGE_ITEMS, offset=offset)
            instances = page["task_instances"]
            yield from instances
            offset, total = offset + len(instances), page["total_entries"] if instances else 0

    def _dag(self, dag_id: str) -> str:
        return f"{self.api}/dags/{_quoted(dag_id)}"

    def _run(self, run: Run) -> str:
        return f"{self._dag(run.dag_id)}/dagRuns/{_quoted(run.run_id)}"


class Airflow2(Airflow):
    """Airflow 2 answers with a log as text."""

    api = "/api/v1"
    form = staticmethod(as_airflow_2_shows)

    def log_in(self, username: str, password: str) -> dict[str, str]:
        """Return the header of basic authentication."""
        return basic_auth(username, password)

    def _trigger_body(self) -> dict[str, Any]:
        return {}

    def _log(self, path: str, query: Mapping[str, object]) -> list[str]:
        text = self._server.request("GET", path, query, accept="text/plain").decode()
        _host, *lines = text.rstrip("\n").split("\n")
        # Airflow before 2.10 lists its sources outside of a group, in lines that begin with ***.
        own = dropwhile(lambda line: line.startswith("***"), _without_sources(lines))
        return as_airflow_2_shows(list(own))


class Airflow3(Airflow):
    """Airflow 3 answers with a log as a list of events."""

    api = "/api/v2"
    form = staticmethod(as_airflow_3_shows)

    def log_in(self, username: str, password: str) -> dict[str, str]:
        """Return the header with a new token."""
        answer = self._server.post("/auth/token", {"username": username, "password": password})
        return bearer_auth(answer["access_token"])

    def _trigger_body(self) -> dict[str, Any]:
        return {"logical_date": None}

    def _log(self, path: str, query: Mapping[str, object]) -> list[str]:
        events = self._server.get(path, **query)["content"]
        shown = _without_sources([self._event(event) for event in events])
        return list(dict.fromkeys(shown))

    @staticmethod
    def _event(event: Mapping[str, str] | str) -> str:
        if isinstance(event, str):  # Airflow could not parse the log, so every event is a string
            return event
        # A line that Airflow has not written has no level, and the time is a guess of Airflow.
        if "level" in event and event.get("timestamp"):
            return timed_event(event["timestamp"], event["event"])
        return event["event"]


def connect(url: str, environment: Mapping[str, str], *, ca_file: Path | None) -> Airflow:
    """Return the Airflow at ``url``; PlatformError when there is none.

    Credentials are the variables AIRFLOW_USERNAME and AIRFLOW_PASSWORD, or AIRFLOW_TOKEN, of
    ``environment``.
    """
    server = Server(url, headers={}, ca_file=ca_file, unreachable=_UNREACHABLE, refused=_REFUSED)
    if token := environment.get("AIRFLOW_TOKEN"):
        server.headers |= bearer_auth(token)
    airflow = _version(server)
    if username := "" if token else environment.get("AIRFLOW_USERNAME"):
        server.headers |= airflow.log_in(username, environment.get("AIRFLOW_PASSWORD", ""))
    return airflow


def _version(server: Server) -> Airflow:
    for version in (Airflow3, Airflow2):
        try:
            server.get(f"{version.api}/version")
            return version(server)
        except NotFoundError:
            continue
    raise PlatformError(f"{server.url} is no Airflow: it has neither /api/v2 nor /api/v1.")


def _without_sources(lines: list[str]) -> list[str]:
    """Leave out the lines in which Airflow lists the sources of the log."""
    if lines and lines[0].endswith(_SOURCES):
        last = next((n for n, line in enumerate(lines) if line.endswith(_END_OF_SOURCES)), 0)
        return lines[last + 1 :]
    return lines


def _quoted(value: str) -> str:
    return quote(value, safe="")
