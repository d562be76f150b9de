"""The plugin with its settings, as the chart renders them, and what its links say."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render

NAME = "airflow-grafana-link"
ON = {"grafanaLink": {"enabled": True, "url": "https://grafana.example.com", "dataSource": "loki"}}


def rendered(*values: Any, **arguments: Any) -> Render:
    """A render of prod with the link."""
    return render("prod", values=[ON, *values], **arguments)


def write(folder: Path, rendered: Render) -> Path:
    """Write the files of the plugin as pods have them, and return the program."""
    for name, text in rendered.get("ConfigMap", NAME).at("data").items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "grafana_task_logs.py"


def load(file: Path, monkeypatch: Any) -> ModuleType:
    """Import the program beside a stand-in for the one class of Airflow that it needs."""
    airflow, manager = ModuleType("airflow"), ModuleType("airflow.plugins_manager")
    manager.AirflowPlugin = type("AirflowPlugin", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "airflow", airflow)
    monkeypatch.setitem(sys.modules, "airflow.plugins_manager", manager)
    spec = importlib.util.spec_from_file_location("grafana_task_logs", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pane(link: str) -> dict[str, Any]:
    """What Grafana's Explore reads from a link."""
    parts = urlsplit(link)
    assert parts.path.endswith("/explore"), link
    parameters = parse_qs(parts.query, strict_parsing=True)
    assert parameters["schemaVersion"] == ["1"]
    (found,) = json.loads(parameters["panes"][0]).values()
    return dict(found)


def query(link: str) -> str:
    """The LogQL of a link."""
    (asked,) = pane(link)["queries"]
    return str(asked["expr"])
