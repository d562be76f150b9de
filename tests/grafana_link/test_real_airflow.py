"""Real Airflows give the links of their tasks, and what a link asks for is found in a real Loki."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.loki.client import Loki
from airflow_platform.rendering.upstream import stand_in
from airflow_platform.support.airflow_install import (
    VERSIONS,
    AirflowVersion,
    airflow_environment,
    install,
)

from ..loki_server import LokiServer
from .plugin import pane, query, rendered, write

pytestmark = pytest.mark.traffic

_HERE = Path(__file__).parent
_SECONDS = 240
_OPTIONS = {
    "CORE__DAGS_FOLDER": str(_HERE / "dags"),
    "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
    "API_AUTH__JWT_SECRET": "a secret of this test, which is long enough for every algorithm",
    "LOGGING__LOGGING_LEVEL": "WARNING",
}


@dataclass(frozen=True)
class Answers:
    """What an Airflow says of its plugins, and of the links of each task instance."""

    errors: dict[str, str]
    of_tasks: list[dict[str, Any]]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(each, id=f"airflow {each}", marks=pytest.mark.xdist_group(f"links {each}"))
        for each in VERSIONS
    ],
)
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """The answers of an Airflow with the plugin, whose DAG has run."""
    airflow: AirflowVersion = request.param
    installed = install(airflow)
    home = tmp_path_factory.mktemp(f"airflow-{airflow}")
    shutil.copy(installed / "airflow.db", home)
    (home / "webserver_config.py").write_text("AUTH_ROLE_PUBLIC = 'Admin'\n", encoding="utf-8")
    (home / "plugins").mkdir()
    write(home / "plugins", rendered(upstream=stand_in()))
    environment = {
        **airflow_environment(installed, home, _OPTIONS),
        "PYTHONPATH": str(_HERE.with_name("in_airflow")),
    }
    python = installed / "venv" / "bin" / "python"

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [python, *command], env=environment, capture_output=True, text=True, timeout=_SECONDS
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    run("-m", "airflow", "dags", "reserialize")
    run("-m", "airflow", "dags", "test", "linked.dag-1", "2026-01-01T00:00:00+00:00")
    found = json.loads(run(_HERE / "ask.py").splitlines()[-1])
    return Answers(found["errors"], found["answers"])


def test_the_plugin_is_loaded_without_errors(answers: Answers) -> None:
    assert answers.errors == {}


def test_every_task_instance_has_the_link(answers: Answers) -> None:
    assert {(each["ids"]["task_id"], each["ids"]["map_index"]) for each in answers.of_tasks} == {
        ("plain", -1),
        ("group.mapped", 0),
        ("group.mapped", 1),
    }
    assert {each["ids"]["try_number"] for each in answers.of_tasks} == {1, 2}
    for each in answers.of_tasks:
        assert list(each["links"]) == ["Logs in Grafana"]


def test_what_a_link_asks_for_are_the_lines_of_the_try(
    answers: Answers, real_loki_server: LokiServer
) -> None:
    server = real_loki_server.another_tenant()
    lines = {}
    for number, each in enumerate(answers.of_tasks):
        fields = {"namespace": "lakehouse-platform", **each["ids"]}
        texts = {name: str(value) for name, value in fields.items() if value != -1}
        stream = {"job": "airflow-task-logs", "environment": "prod"}
        stream |= {name: texts.pop(name) for name in ("namespace", "dag_id", "task_id")}
        lines[number] = str(each["ids"])
        server.push(stream, [(int(each["times"]["start_date"] * 1e9), lines[number], texts)])
    loki = Loki(server.url, {}, tenant=server.tenant, ca_file=None)
    for number, each in enumerate(answers.of_tasks):
        link = each["links"]["Logs in Grafana"]
        begin, end = (
            datetime.fromtimestamp(int(pane(link)["range"][name]) / 1000, UTC)
            for name in ("from", "to")
        )
        slack = timedelta(minutes=5, seconds=1)
        assert (
            timedelta(0) < datetime.fromtimestamp(each["times"]["start_date"], UTC) - begin < slack
        )
        assert timedelta(0) < end - datetime.fromtimestamp(each["times"]["end_date"], UTC) < slack
        found = loki.entries(query(link), begin, end)
        assert [entry.line for entry in found] == [lines[number]]
