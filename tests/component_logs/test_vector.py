"""The configuration of the Vector agent: what Loki gets of a line of a component."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform.checks.queries import vrl_fields
from airflow_platform.component_logs import fields
from airflow_platform.component_logs.references import DIRECTORY
from airflow_platform.loki.client import Loki
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

from ..loki_server import LokiServer
from ..task_logs.shipped import shipped as shipped_sidecar
from .printed import AFTER_IT, LINES, TRACEBACK, Line, as_json, event

FOLDER = DIRECTORY / "vector"
CONFIG = strict_yaml.load_file(FOLDER / "vector.yaml")
SOURCES = {"airflow", "statsd_exporter"}

pyvrl = pytest.importorskip(
    "pyvrl", reason="needs pyVRL, Vector's VRL for Python: pip install pyVRL"
)


def program(name: str) -> str:
    """The VRL of a transform, whose files the agent finds in /etc/vector."""
    transform = CONFIG["transforms"][name]
    if "source" in transform:
        return str(transform["source"])
    files = transform["files"] if "files" in transform else [transform["file"]]
    paths = [Path(file) for file in files]
    assert {str(path.parent) for path in paths} == {"/etc/vector"}
    return "\n".join(agent_files()[path.name] for path in paths)


@cache
def agent_files() -> Mapping[str, str]:
    """The ConfigMap of the agent: our files, and the programs of the sidecar in a release."""
    own = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    of_release = shipped_sidecar().files
    return own | {f"{name}.vrl": of_release[f"{name}.vrl"] for name in ("redact", "parse", "split")}


@pytest.fixture(scope="module")
def programs() -> Sequence[Any]:
    """The programs in the order in which a line goes through them.

    pyVRL neither takes timestamps nor gives their nanoseconds, so they are text before and after.
    """
    before = """
    .timestamp = parse_timestamp(.timestamp, "%+") ?? .timestamp
    .of.timestamp = parse_timestamp(.of.timestamp, "%+") ?? .of.timestamp
    """
    after = '.timestamp = format_timestamp!(.timestamp, "%+")'
    texts = {name: program(name) for name in ("component", "redact", "parse", "fields")}
    texts["parse"] = "\n".join((before, texts["parse"], after))
    return [pyvrl.Transform(f"{text}\n.") for text in texts.values()]


def shipped(programs: Sequence[Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """A line as it is sent."""
    made: dict[str, Any] = dict(read)
    for each in programs:
        made = each.remap(made)
    return made


@pytest.mark.parametrize("name", LINES)
def test_a_line_has_its_component_and_its_level(programs: Sequence[Any], name: str) -> None:
    line = LINES[name]
    made = shipped(programs, event(line))
    assert made["message"] == line.text
    assert made["labels"] == {
        "job": "airflow-components",
        "namespace": "airflow",
        "component": line.component,
        "container": line.container,
    }
    metadata = made["structured_metadata"]
    assert metadata.get("level", "") == line.level
    assert {name: metadata[name] for name in ("release", "pod", "node", "stream")} == {
        "release": "airflow",
        "pod": f"{line.component}-0",
        "node": "node-1",
        "stream": "stderr",
    }


def test_a_secret_is_redacted_and_the_line_says_so(programs: Sequence[Any]) -> None:
    secret = "hunter" + "2" * 8
    made = shipped(programs, event(Line("scheduler", "scheduler", f"INFO: password={secret}")))
    assert made["message"] == "INFO: password=***"
    assert made["structured_metadata"]["redacted"] == "named-secrets"


def test_what_a_task_prints_is_left_to_the_sidecar(programs: Sequence[Any]) -> None:
    for container, sent in (("base", False), ("vector", True), ("git-sync-init", True)):
        read = event(Line("worker", container, "x"), kubernetes_executor="True")
        try:
            made = shipped(programs, read)
        except ValueError:  # aborted
            assert not sent
        else:
            assert sent
            assert made["labels"]["container"] == container
    celery = event(Line("worker", "base", "x"))
    assert shipped(programs, celery)["labels"]["container"] == "base"


@pytest.fixture(scope="module")
def through_vector(vector: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Send events through a real Vector, which need not have the source kubernetes_logs."""
    directory = tmp_path_factory.mktemp("agent")
    for name, text in agent_files().items():
        (directory / name).write_text(text, encoding="utf-8")
    text = agent_files()["vector.yaml"].replace("/etc/vector/", f"{directory}/")
    config = yaml.safe_load(text)
    config["data_dir"] = str(directory)
    config["sources"] = {"raw": {"type": "stdin", "decoding": {"codec": "json"}}}
    config["transforms"]["airflow"] = {
        "type": "remap",
        "inputs": ["raw"],
        "source": '.timestamp = parse_timestamp!(.timestamp, "%+")',
    }
    assert set(config["transforms"]["component"]["inputs"]) == SOURCES
    config["transforms"]["component"]["inputs"] = ["airflow"]
    config["sinks"]["console"] = {
        "type": "console",
        "inputs": ["fields"],
        "encoding": {"codec": "json"},
    }
    file = directory / "changed.yaml"

    def run(
        events: Sequence[Mapping[str, Any]], loki: LokiServer | None = None
    ) -> list[dict[str, Any]]:
        sinks = dict(config["sinks"])
        if loki:
            sinks["loki"] |= {"endpoint": loki.url, "tenant_id": loki.tenant}
        else:
            del sinks["loki"]
        file.write_text(yaml.safe_dump({**config, "sinks": sinks}), encoding="utf-8")
        done = subprocess.run(
            [vector, "--quiet", "--config", file],
            input=as_json(events),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        made = [json.loads(line) for line in done.stdout.splitlines()]
        return sorted(made, key=lambda each: nanoseconds(each["timestamp"]))

    return run


def nanoseconds(timestamp: str) -> str:
    """The time with all its digits, which sorts as text."""
    second, _, fraction = timestamp.removesuffix("Z").partition(".")
    return f"{second}.{fraction:0<9}"


def test_a_traceback_is_one_event_with_the_record_before_it(through_vector: Any) -> None:
    texts = [*TRACEBACK, AFTER_IT]
    other = Line("api-server", "api-server", "INFO:     started", "info")
    events = [
        each
        for number, text in enumerate(texts)
        for each in (
            event(Line("scheduler", "scheduler", text), number),
            event(other, 500 + number),
        )
    ]
    made = through_vector(events)
    scheduler = [each for each in made if each["labels"]["component"] == "scheduler"]
    assert [each["message"] for each in scheduler] == ["\n".join(TRACEBACK), AFTER_IT]
    assert [each["structured_metadata"]["level"] for each in scheduler] == ["error", "info"]
    assert len(made) - len(scheduler) == len(texts)


def test_the_time_of_an_event_is_that_of_the_container_runtime(through_vector: Any) -> None:
    [made] = through_vector([event(LINES["Airflow 3"], 7)])
    assert made["timestamp"].startswith("2026-11-27T10:00:05.000007")


def test_a_long_line_is_split_as_a_task_s_line_is(through_vector: Any) -> None:
    made = through_vector([event(Line("scheduler", "scheduler", "x" * 600_000))])
    assert "".join(each["message"] for each in made) == "x" * 600_000
    assert [each["structured_metadata"]["part"] for each in made] == ["1", "2", "3"]


def test_no_line_is_lost(through_vector: Any) -> None:
    events = [event(line, number) for number, line in enumerate(LINES.values())]
    made = through_vector(events)
    assert [each["message"] for each in made] == [line.text for line in LINES.values()]


@pytest.mark.xdist_group("real Loki")
def test_loki_has_a_line_under_its_labels(
    through_vector: Any, real_loki_server: LokiServer
) -> None:
    loki = real_loki_server.another_tenant()
    now = datetime.now(UTC)
    lines = [LINES["git-sync that failed"], LINES["Airflow 3"]]
    read = [{**event(line), "timestamp": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}"} for line in lines]
    through_vector([*read, *read], loki)  # as after a restart: each is there once
    query = f'{{job="{fields.JOB}",namespace="airflow",container="git-sync"}} | level="error"'
    connected = Loki(loki.url, {}, tenant=loki.tenant, ca_file=None)
    [found] = connected.entries(query, now - timedelta(hours=1), now + timedelta(hours=1))
    assert found.line == lines[0].text
    assert dict(found.fields)["component"] == "dag-processor"


def test_the_sink_is_that_of_task_logs() -> None:
    ours = strict_yaml.load_file(ADDON / "files" / "task-logs" / "vector.yaml")["sinks"]["loki"]
    theirs = CONFIG["sinks"]["loki"]
    values = strict_yaml.load_file(ADDON / "values.yaml")["global"]["taskLogs"]["loki"]
    assert theirs["endpoint"] == values["endpoint"]
    for key in ("encoding", "labels", "structured_metadata", "out_of_order_action"):
        assert theirs[key] == ours[key]
    assert theirs["acknowledgements"] == {"enabled": True}
    assert theirs["batch"]["max_bytes"] == ours["batch"]["max_bytes"]


def test_the_dashboard_and_verify_logs_know_what_a_line_has() -> None:
    of_line = vrl_fields(program("fields"))
    assert of_line.labels == fields.LABELS
    assert of_line.metadata == fields.METADATA
    assert f'"job": "{fields.JOB}"' in program("fields")
