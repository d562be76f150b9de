"""Real traffic: an Airflow, the statsd_exporter and a Prometheus, as the charts configure them."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.metrics import statsd_exporter
from airflow_platform.metrics.statsd_exporter import StatsdExporter
from airflow_platform.node.metrics import (
    SCRAPE_SECONDS,
    Prometheus,
    configuration,
    local_prometheus,
    rules,
)
from airflow_platform.rendering.render import render
from airflow_platform.support.airflow_install import (
    VERSIONS,
    AirflowVersion,
    airflow_environment,
    install,
)
from airflow_platform.support.ports import free_ports
from airflow_platform.support.progress import progress

from ..processes import Processes, processes

DAGS = Path(__file__).with_name("dags")

# What the DAGs of dags/ come to: runs that ended, by DAG and state.
RUNS = {
    ("traffic_succeeds", "success"): 2,
    ("traffic_fails", "failed"): 1,
    ("traffic_retries", "success"): 1,
    ("traffic_mapped", "success"): 1,
    ("traffic.dotted-dag", "success"): 1,
}
TRAFFIC_SECONDS = 300  # in which they must have ended
_START_SECONDS = 120


@dataclass(frozen=True)
class Traffic:
    """What a real Airflow has sent, in a real Prometheus."""

    airflow: AirflowVersion
    prometheus: Prometheus


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(airflow, id=f"airflow {airflow}", marks=pytest.mark.xdist_group(str(airflow)))
        for airflow in VERSIONS
    ],
)
def traffic(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    program: Callable[[str], Path],
) -> Iterator[Traffic]:
    """The traffic of an Airflow whose DAGs have run; all still runs."""
    airflow: AirflowVersion = request.param
    directory = tmp_path_factory.mktemp(f"airflow-{airflow}")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    program("statsd_exporter")
    rendered = _rendered(airflow)
    (mapping,) = rendered.embedded("StatsdMapping")
    program("prometheus")
    with ExitStack() as stack:
        running = stack.enter_context(processes(directory))
        exporter = stack.enter_context(statsd_exporter.running(mapping.text))
        config = configuration(rendered, f"127.0.0.1:{exporter.web}")
        prometheus = stack.enter_context(local_prometheus(directory, config, rules(rendered)))
        with capture.global_and_fixture_disabled():  # it takes minutes: show the progress
            installed = install(airflow)
            with progress(f"Running DAGs of Airflow {airflow}"):
                _start_airflow(running, airflow, installed, directory, rendered, exporter.ingest)
                _wait_for_runs(running, exporter, prometheus)
        yield Traffic(airflow, prometheus)


def _rendered(airflow: AirflowVersion) -> Render:
    """Render prod for a version of Airflow, with all that concerns metrics."""
    values = {
        "airflow": {"airflowVersion": airflow.version, "defaultAirflowTag": airflow.version},
        "global": {"metrics": {"airflowVersion": airflow.version}},
        "observability": {
            "serviceMonitor": {"enabled": True},
            "prometheusRule": {
                "enabled": True,
                "legacyNames": {"enabled": True},
                "alerts": {"DagRunFailed": {"enabled": True}},
            },
        },
    }
    return render("prod", values=[values])


def _start_airflow(
    running: Processes,
    airflow: AirflowVersion,
    installed: Path,
    directory: Path,
    rendered: Render,
    ingest: int,
) -> None:
    (api,) = free_ports(1)
    home = directory / "airflow"
    home.mkdir()
    shutil.copy(installed / "airflow.db", home)
    environment = airflow_environment(installed, home, _options(rendered, ingest, api))

    def start(component: str, *arguments: str) -> None:
        python = installed / "venv" / "bin" / "python"
        running.start(component, [python, "-m", "airflow", component, *arguments], environment)

    start("triggerer", "--skip-serve-logs")
    if airflow.version.startswith("3."):
        start("dag-processor")
        start("api-server", "--workers=1", f"--port={api}", "--host=127.0.0.1")
        ready = f"http://127.0.0.1:{api}/api/v2/version"
        running.wait_for_url(ready, _START_SECONDS)  # tasks need the API
    start("scheduler", "--skip-serve-logs")


def _options(rendered: Render, ingest: int, api: int) -> Mapping[str, str]:
    """Return Airflow's options: those of the section metrics are the chart's."""
    (config,) = rendered.embedded("AirflowConfig")
    metrics: Mapping[str, Any] = config.document["metrics"]
    return {
        **{f"METRICS__{name.upper()}": value for name, value in metrics.items()},
        "METRICS__STATSD_HOST": "127.0.0.1",
        "METRICS__STATSD_PORT": str(ingest),
        "CORE__DAGS_FOLDER": str(DAGS),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__PARALLELISM": "2",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api}/execution/",
        "API_AUTH__JWT_SECRET": "a secret of this test, which is long enough for every algorithm",
        "SCHEDULER__TI_METRICS_INTERVAL": "2",
        "SCHEDULER__RUNNING_METRICS_INTERVAL": "2",
    }


def _wait_for_runs(running: Processes, exporter: StatsdExporter, prometheus: Prometheus) -> None:
    deadline = time.monotonic() + TRAFFIC_SECONDS
    while missing := _missing_runs(prometheus):
        running.assert_running()
        exporter.assert_running()
        assert time.monotonic() < deadline, f"missing runs: {missing}\n{running.logs()}"
        time.sleep(SCRAPE_SECONDS)


def _missing_runs(prometheus: Prometheus) -> dict[tuple[str, str], float]:
    ended = {
        (run["dag_id"], run["state"]): run["value"]
        for run in prometheus.query("airflow_dagrun_duration_seconds_count")
    }
    return {
        run: times - ended.get(run, 0) for run, times in RUNS.items() if ended.get(run, 0) < times
    }
