"""What the dashboard about components shows, asked of a real Loki."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_platform import dashboards
from airflow_platform.component_logs.fields import JOB
from airflow_platform.loki.client import Loki

from ..loki_server import LokiServer

pytestmark = pytest.mark.xdist_group("real Loki")

[DASHBOARD] = [
    json.loads(text) for name, text in dashboards.generate().items() if name == "airflow-logs.json"
]
CHOSEN = {"namespace": "airflow", "component": ".*", "container": ".*", "level": ".*"}
CHOSEN |= {"pod": "", "search": "", "__auto": "5m", "__range": "1h"}


def query(title: str, **chosen: str) -> str:
    """The query of a panel as Grafana sends it."""
    [panel] = [each for each in DASHBOARD["panels"] if each["title"] == title and "targets" in each]
    [target] = panel["targets"]
    return filled(target["expr"], **chosen)


def filled(text: str, **chosen: str) -> str:
    values = {**CHOSEN, **chosen}
    return re.sub(r"\$\{(\w+)[^}]*\}|\$(\w+)", lambda at: values.get(at[1] or at[2], at[0]), text)


@pytest.fixture
def loki(real_loki_server: LokiServer) -> LokiServer:
    """A Loki with lines of two components, of a task, and of another Airflow."""
    server = real_loki_server.another_tenant()
    lines = (
        ("airflow", "scheduler", "scheduler", "info", "Starting"),
        ("airflow", "scheduler", "scheduler", "error", "Exception when executing"),
        ("airflow", "dag-processor", "git-sync", "error", "error syncing repo"),
        ("airflow", "webserver", "webserver", "", "GET /health"),
        ("other", "scheduler", "scheduler", "error", "of another Airflow"),
    )
    for namespace, component, container, level, text in lines:
        labels = {"job": JOB, "namespace": namespace, "component": component}
        metadata = {"pod": f"{component}-0", "release": "airflow"}
        if level:
            metadata["level"] = level
        server.push(labels | {"container": container}, [(time.time_ns(), text, metadata)])
    server.put("of a task", level="error")
    return server


def connected(loki: LokiServer) -> Loki:
    return Loki(loki.url, {}, tenant=loki.tenant, ca_file=None)


def shown(loki: LokiServer, **chosen: str) -> list[str]:
    now = datetime.now(UTC)
    asked = query("Lines", **chosen)
    found = connected(loki).entries(asked, now - timedelta(hours=1), now + timedelta(minutes=5))
    return [entry.line for entry in found]


def counted(loki: LokiServer, title: str) -> Iterator[tuple[Mapping[str, str], str]]:
    answer: Any = connected(loki)._server.get("/loki/api/v1/query", query=query(title))
    for series in answer["data"]["result"]:
        yield series["metric"], series["value"][1]


@pytest.mark.parametrize(
    ("chosen", "lines"),
    [
        ({}, ["Starting", "Exception when executing", "error syncing repo", "GET /health"]),
        ({"component": "scheduler"}, ["Starting", "Exception when executing"]),
        ({"container": "git-sync"}, ["error syncing repo"]),
        ({"level": "error|critical"}, ["Exception when executing", "error syncing repo"]),
        ({"pod": "webserver-0"}, ["GET /health"]),
        ({"search": "EXECUTING"}, ["Exception when executing"]),
    ],
)
def test_the_lines_of_what_is_chosen_are_shown(
    loki: LokiServer, chosen: dict[str, str], lines: list[str]
) -> None:
    assert shown(loki, **chosen) == lines


def test_lines_and_errors_are_counted(loki: LokiServer) -> None:
    by_component = {each["component"]: n for each, n in counted(loki, "Lines by component")}
    assert by_component == {"scheduler": "2", "dag-processor": "1", "webserver": "1"}
    by_level = {each.get("level", ""): n for each, n in counted(loki, "Lines by level")}
    assert by_level == {"info": "1", "error": "2", "": "1"}
    errors = [each for each, _ in counted(loki, "Components with most errors")]
    assert {(each["component"], each["container"]) for each in errors} == {
        ("scheduler", "scheduler"),
        ("dag-processor", "git-sync"),
    }
    pods = {each["pod"] for each, _ in counted(loki, "Pods with most errors")}
    assert pods == {"scheduler-0", "dag-processor-0"}


@pytest.mark.parametrize("name", ["component", "container"])
def test_the_choices_are_those_that_loki_has(loki: LokiServer, name: str) -> None:
    [variable] = [each for each in DASHBOARD["templating"]["list"] if each["name"] == name]
    asked = variable["query"]
    answer = connected(loki)._server.get(
        f"/loki/api/v1/label/{asked['label']}/values", query=filled(asked["stream"])
    )
    assert (
        set(answer["data"])
        == {
            "component": {"scheduler", "dag-processor", "webserver"},
            "container": {"scheduler", "git-sync", "webserver"},
        }[name]
    )
