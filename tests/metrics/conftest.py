"""Mappings, StatsD lines, and a statsd_exporter to replay them through."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.metrics import statsd_exporter
from airflow_platform.metrics.airflow_metrics import VERSIONS, AirflowMetric, airflow_metrics
from airflow_platform.metrics.statsd_exporter import Page, StatsdExporter
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, RELEASE

DATA = Path(__file__).parent / "data"
FILES = ADDON / "files" / "metrics"


@pytest.fixture(scope="session")
def check_config(program: Callable[[str], Path]) -> Callable[[str], str]:
    """Return what statsd_exporter finds wrong in a mapping, "" when that is nothing."""
    program("statsd_exporter")
    return statsd_exporter.complaint


@pytest.fixture(scope="session")
def exporter(
    program: Callable[[str], Path],
) -> Callable[[str], AbstractContextManager[StatsdExporter]]:
    """Start a statsd_exporter with a mapping: ``with exporter(mapping) as running``."""
    program("statsd_exporter")
    # Not to wait for 200 ms until lines are processed.
    return partial(statsd_exporter.running, arguments=["--statsd.event-flush-interval=5ms"])


@pytest.fixture(scope="session")
def replay(
    exporter: Callable[[str], AbstractContextManager[StatsdExporter]],
) -> Callable[[str, tuple[str, ...]], Page]:
    """Send lines through a new exporter with a mapping; the same input is replayed once."""

    @cache
    def run(mapping: str, lines: tuple[str, ...]) -> Page:
        with exporter(mapping) as running:
            running.send_tcp(lines)
            return running.processed_page()

    return run


@pytest.fixture(scope="session")
def raw_mapping() -> str:
    """The mapping as it is in the chart's files: for an Airflow with tags."""
    return (FILES / "statsd-mapping.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def mapping() -> Callable[..., str]:
    """Render the mapping as it is in the ConfigMap, for an Airflow and values of the mapping."""

    def rendered(
        *,
        tags: bool = True,
        version: str = "3.1.8",
        prefix: str = "airflow",
        native: bool = False,
        **settings: Any,
    ) -> str:
        values = {
            "global": {"metrics": {"tags": tags, "prefix": prefix, "airflowVersion": version}},
            "statsdExporter": {"mapping": settings},
            "serviceMonitor": {"nativeHistograms": native},
        }
        manifests = render(chart="add-on", values=[values])
        config_map = manifests.get("ConfigMap", f"{RELEASE}-statsd-mapping")
        return str(config_map.at("data", "statsd-mapping.yaml"))

    return rendered


@pytest.fixture(scope="session")
def rules() -> Callable[[str], list[dict[str, Any]]]:
    """Parse the rules of a mapping."""

    def parse(mapping: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = strict_yaml.load(mapping, "mapping")["mappings"]
        return found

    return parse


@pytest.fixture(scope="session", params=sorted(DATA.glob("*.statsd")), ids=lambda p: p.stem)
def capture(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The lines of a real Airflow, whole."""
    path: Path = request.param
    return tuple(path.read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="session", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each minor version of Airflow."""
    return str(request.param)


@pytest.fixture(scope="session", params=[True, False], ids=["tags on", "tags off"])
def tags(request: pytest.FixtureRequest) -> bool:
    """Airflow with and without statsd_influxdb_enabled."""
    return bool(request.param)


@pytest.fixture(scope="session", name="airflow_metrics")
def every_metric() -> tuple[AirflowMetric, ...]:
    """Every metric of Airflow 2.9 to 3.3 and its providers."""
    return airflow_metrics()


@pytest.fixture(scope="session")
def everything() -> Callable[[str, bool], tuple[str, ...]]:
    """One event of each metric that a version of Airflow sends, as lines."""

    def lines(version: str, tags: bool) -> tuple[str, ...]:
        return tuple(
            line
            for metric in airflow_metrics()
            if version in metric.versions
            for line in metric.lines(version, tags=tags)
        )

    return lines
