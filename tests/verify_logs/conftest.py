"""A Loki with what a test puts in, an Airflow with what a test says, and the command."""

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.bench.capture.loki import built_in_loki
from airflow_platform.verify_logs import command

from .airflow_double import DAG_ID, RUN_ID, USER, Airflow, serving


@dataclass
class Loki:
    """A Loki that can be queried at `url`."""

    url: str

    def put(
        self, *lines: str, task: str = "hello", time_ns: int | None = None, **metadata: Any
    ) -> None:
        """Stores lines of a task, one after the other in its file."""
        fields = {"dag_id": DAG_ID, "run_id": RUN_ID, "try_number": 1, "pod": "pod-1", **metadata}
        stream = {"job": "airflow-task-logs", "dag_id": fields.pop("dag_id"), "task_id": task}
        values = []
        for offset, line in enumerate(lines):
            entry = {name: str(value) for name, value in {"offset": offset, **fields}.items()}
            values.append([str(time_ns or time.time_ns()), line, entry])
        body = json.dumps({"streams": [{"stream": stream, "values": values}]}).encode()
        urllib.request.urlopen(f"{self.url}/loki/api/v1/push", body).close()


@pytest.fixture
def loki() -> Iterator[Loki]:
    with built_in_loki() as url:
        yield Loki(url)


@pytest.fixture(params=[2, 3], ids=["airflow2", "airflow3"])
def airflow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    for name, value in USER.items():
        monkeypatch.setenv(f"AIRFLOW_{name.upper()}", value)
    with serving(Airflow(request.param)) as double:
        yield double


@pytest.fixture
def verify(loki, monkeypatch, capsys):
    """Run verify-logs on the test's Loki; return its exit code, stdout and stderr."""
    for name in os.environ:
        if name.startswith("LOKI_") or name == "AIRFLOW_TOKEN":
            monkeypatch.delenv(name)
    monkeypatch.setattr(command, "_POLL_SECONDS", 0.01)

    def run(*arguments: object) -> tuple[object, str, str]:
        code: object
        try:
            code = cli.main(
                ["verify-logs", "--loki", loki.url, "--wait", "0s", *map(str, arguments)]
            )
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
